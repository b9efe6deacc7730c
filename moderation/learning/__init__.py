"""The only door to ``ml``: scoring, explaining, grouping, training, and the registry of model versions."""
