"""Adapters of the encoder port."""
