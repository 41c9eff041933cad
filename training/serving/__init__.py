"""What a version holds for serving beside its vectors: links of tracks, places for newcomers, fusion weights."""
