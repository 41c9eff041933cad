"""How good a model is: ranking metrics, judgements, comparisons, drift."""
