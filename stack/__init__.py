"""The embedded stack: the real parts Segue needs, as supervised child processes on this machine's loopback."""
