"""What the services need of the world. Each docstring is the promise; tests/contract holds every adapter to it."""
