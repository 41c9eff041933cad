"""Dashboards, charts and extracts: a client of the gRPC contract, never of the database."""
