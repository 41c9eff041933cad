"""The gRPC doors: convert, call a service, convert. The only place that sees protobuf messages."""
