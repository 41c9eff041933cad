"""How an answer is ranked: what counts of a profile, candidate lists, fusion, diversity.

Pure: arrays and values in, values out. The server, the promotion gate, `segue evaluate` and the bench all call it.
"""
