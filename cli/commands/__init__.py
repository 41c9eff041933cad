"""One module per command; cli/main.py says what it must offer."""
