"""Learning for moderation: additive multi-policy text models, exact explanations, training, gates.

Knows no web framework and no database: texts, frozen dataclasses, numpy arrays and files in, the same out.
Serving (`ml.artifacts.load`, `ml.model.Model`) imports numpy only; `ml.train` adds scipy.
"""
