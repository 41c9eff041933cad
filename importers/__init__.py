"""Readers of the public data sets' own formats: a bad record becomes a `BadRow` value and costs no other.

`dataset.detect` finds the format of a file or folder, `dataset.load` reads it whole.
"""
