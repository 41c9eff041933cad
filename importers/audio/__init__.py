"""Audio files: found, read, listened to (librosa), joined to the catalogue by id, table or tags, and sent.

Needs the extra `audio`; nothing outside this package imports librosa, soundfile or mutagen (`pyproject.toml`).
docs/adr/0021-sound.md says what is measured, what is only estimated, and how well.
"""
