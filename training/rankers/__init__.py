"""Rankers: models that score every track for a listener, alone or blended; one contract, one test suite."""
