"""One folder per port, one module per technology. Only wiring.py picks among them."""
