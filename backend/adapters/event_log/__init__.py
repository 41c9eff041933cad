"""Adapters of the event_log port."""
