"""Ranking metrics, and the evaluation of any scorer on held-out plays."""
