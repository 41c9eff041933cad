"""The client of the contract: channel, settings and failures, for analytics, importers and people."""
