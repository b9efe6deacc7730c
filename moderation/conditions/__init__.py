"""The condition language of routing rules: what may be asked of a content, checked, compiled, compared.

Pure functions over plain values; no database. A condition is a JSON document::

    {"all": [condition, …]}   {"any": [condition, …]}   {"not": condition}
    {"fact": "score", "of": "spam", "is": "at_least", "value": 0.8}

``vocabulary`` lists the facts and what can be asked of each, ``parsing`` checks a document, ``evaluation`` compiles
it, ``implication`` tells whether one contains another, ``wording`` says it in words.
"""
