"""A version as it would rank: learned from plays, read back, asked offline, its sources weighed."""
