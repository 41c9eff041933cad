"""Flink SQL: tables (DDL) and jobs (statement sets) as files, how they are submitted, and the sink into the store."""
