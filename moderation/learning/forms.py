"""The form in which banks compare texts: what the model's normaliser leaves of them, without any model's lexicon.

Case, accents, look-alikes, enclosed and invisible characters are undone; punctuation is left out. The lexicon is a
model's own and changes with it, so what only a lexicon can tell (digits for letters, letters swapped) stays.
"""

import hashlib
from functools import cache, lru_cache

from ml import sampling, text
from ml.lexicon import Lexicon

NORMALISER = text.NORMALISER
SIMILAR = 0.55  # Jaccard similarity of 5-grams from which two texts are near duplicates (measured: ADR 0021)
_GRAM = 5

__all__ = ["NORMALISER", "bands", "digest", "normalised", "similarity"]


def normalised(content: str) -> str:
    """The words and emoji of a text as the model's normaliser writes them, one space between."""
    return " ".join(token.surface for token in text.tokenise(content, _no_lexicon()) if token.is_word)


def digest(kind: str, form: str) -> str:
    """What an exact entry is found by: SHA-256 of the kind of bank and the form."""
    return hashlib.sha256(f"{kind}:{form}".encode("utf-8", "surrogatepass")).hexdigest()


def bands(form: str) -> tuple[int, ...]:
    """The locality-sensitive hashes of a form (``ml.sampling``): near duplicates are likely to share one."""
    return sampling.minhash_bands(form)


def similarity(left: str, right: str) -> float:
    """Jaccard similarity of the character 5-grams of two forms, from 0 to 1."""
    ours, theirs = _grams(left), _grams(right)
    return len(ours & theirs) / len(ours | theirs)


@lru_cache(maxsize=1024)
def _grams(form: str) -> frozenset[str]:
    return frozenset(form[at : at + _GRAM] for at in range(max(len(form) - _GRAM + 1, 1)))


@cache
def _no_lexicon() -> Lexicon:
    return Lexicon()
