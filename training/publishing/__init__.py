"""How a model becomes a version that serves: files, manifest, pointer, locks."""
