"""The demo: one story told on real parts, from an empty folder to answers, tables, an extract and a dashboard."""
