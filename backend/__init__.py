"""The gRPC server: doors (rpc) over use cases (services) over promises (ports) over the domain."""
