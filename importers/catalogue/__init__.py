"""The catalogue from files: tracks and artists of many layouts, each known by its columns, sent in one stream.

`known.py` names the layouts, `mapping.py` says what a mapping is, `reading.py` makes entries of a file's records,
`delivery.py` sends them, `run.py` does all of it, and is taken up again where it was killed.
"""
