"""Adapters of the models port."""
