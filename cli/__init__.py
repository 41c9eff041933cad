"""The `segue` command and the embedded stack it runs."""
