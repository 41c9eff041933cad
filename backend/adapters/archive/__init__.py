"""The play archive as the server reads it."""
