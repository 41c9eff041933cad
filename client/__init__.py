"""The client of the contract, for apps, analytics, importers and people: channel, settings, calls and failures."""
