"""Benches that start what they measure: ours beside a reference, in turns, on this machine in one run."""
