"""Obfuscation as abusers write it, and how much recall a model keeps under it.

The attacks know nothing of any defence: they are what is described of evasion in the wild (Gröndahl et al. 2018;
Cooper et al. 2023 on homoglyphs). Every attack is drawn from the generator it is given, so a seed repeats it.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ml.evaluate import labelled, logits_of
from ml.metrics import Estimate, Floats, bootstrap_ratio
from ml.model import Model
from ml.schemas import Example

Attack = Callable[[str, np.random.Generator], str]

ZERO_WIDTH = "\u200b\u200c\u200d\u2060\ufeff\u00ad"
"""Characters that take no room and that `zero-width` puts between letters."""

ATTACKED = (("davidson", "harassment"), ("hatexplain", "harassment"), ("olid", "harassment"), ("edos_sexism", "hate"))
"""Sets and policies whose robustness is reported."""

WORDS_ATTACKED = 3
FALSE_POSITIVE_RATE = 0.05
_PLACEHOLDERS = frozenset({"user", "url"})  # what the data sets put in place of handles and links
_MIN_TEXTS = 5  # texts a word must stand in before its log odds mean anything
_WORD = re.compile(r"\w+")
_LEET = {"a": "4@", "b": "8", "e": "3", "g": "9", "i": "1!", "l": "1|", "o": "0", "s": "5$", "t": "7", "z": "2"}
_LOOKALIKES = {
    **{"a": "аα", "c": "сϲ", "d": "ԁ", "e": "еҽ", "g": "ɡ", "h": "һ", "i": "іι", "j": "ј", "k": "κк", "l": "ӏ"},
    **{"m": "м", "n": "ո", "o": "оο", "p": "рρ", "q": "ԛ", "r": "г", "s": "ѕ", "t": "т", "u": "υս", "v": "ѵν"},
    **{"w": "ԝ", "x": "хχ", "y": "уγ", "z": "ᴢ"},
}
_GAPS = " .-_*"


@dataclass(frozen=True, slots=True)
class Robustness:
    """One attack on one set's positives of one policy, at the threshold of 5 % false positives on clean negatives.

    `kept` is recall under attack over clean recall, with its interval over texts.
    """

    source: str
    policy: str
    kind: str
    positives: int
    clean_recall: float
    attacked_recall: float
    kept: Estimate


def leet(word: str, random: np.random.Generator) -> str:
    """Put digits and signs in place of about half the letters that have one."""
    return _replace_some(word, _LEET, random)


def homoglyph(word: str, random: np.random.Generator) -> str:
    """Put Cyrillic, Greek or Armenian letters in place of about half their Latin look-alikes."""
    return _replace_some(word, _LOOKALIKES, random)


def zero_width(word: str, random: np.random.Generator) -> str:
    """Put a character of `ZERO_WIDTH` after about half the letters, and one at least."""
    chosen = _some(range(len(word)), random)
    return "".join(
        char + (ZERO_WIDTH[random.integers(len(ZERO_WIDTH))] if place in chosen else "")
        for place, char in enumerate(word)
    )


def spacing(word: str, random: np.random.Generator) -> str:
    """Part all letters by one sign: a space, full stop, hyphen, underscore or star."""
    return _GAPS[random.integers(len(_GAPS))].join(word)


def repeats(word: str, random: np.random.Generator) -> str:
    """Write one to three letters two to four times."""
    chosen = random.choice(len(word), size=min(len(word), int(random.integers(1, 4))), replace=False)
    return "".join(char * (int(random.integers(2, 5)) if place in chosen else 1) for place, char in enumerate(word))


def stars(word: str, random: np.random.Generator) -> str:
    """Put a star in place of one or two letters that are neither first nor last."""
    inner = range(1, max(2, len(word) - 1)) if len(word) > 1 else range(1)
    chosen = random.choice(np.array(inner), size=min(len(inner), int(random.integers(1, 3))), replace=False)
    return "".join("*" if place in chosen else char for place, char in enumerate(word))


def swaps(word: str, random: np.random.Generator) -> str:
    """Exchange two neighbouring letters that differ, not the first where another pair can be had."""
    pairs = [place for place in range(len(word) - 1) if word[place] != word[place + 1]]
    pairs = [place for place in pairs if place > 0] or pairs
    if not pairs:
        return word
    place = pairs[random.integers(len(pairs))]
    return word[:place] + word[place + 1] + word[place] + word[place + 2 :]


def mixed(word: str, random: np.random.Generator) -> str:
    """Attack the word in one of the other ways."""
    return _SINGLE[list(_SINGLE)[random.integers(len(_SINGLE))]](word, random)


_SINGLE: Mapping[str, Attack] = {
    "leet": leet,
    "homoglyph": homoglyph,
    "zero-width": zero_width,
    "spacing": spacing,
    "repeats": repeats,
    "stars": stars,
    "swaps": swaps,
}
ATTACKS: Mapping[str, Attack] = {**_SINGLE, "mixed": mixed}


def obfuscate(text: str, words: Collection[str], kind: str, random: np.random.Generator) -> str:
    """Return `text` with every occurrence of the given words attacked, whatever its case, and nothing else changed.

    A word is a run of letters, digits and underscores. One that the attack finds nothing in (no letter with a digit
    that looks like it, no two letters to exchange) gets repeated letters instead, so what is attacked always changes.
    Raises `KeyError` for a kind that is not in `ATTACKS`.
    """
    attack = ATTACKS[kind]
    chosen = {word.casefold() for word in words}

    def changed(found: re.Match[str]) -> str:
        word = found[0]
        if word.casefold() not in chosen:
            return word
        attacked = attack(word, random)
        return attacked if attacked != word else repeats(word, random)

    return _WORD.sub(changed, text)


def word_log_odds(examples: Sequence[Example], policy: str) -> dict[str, float]:
    """Return, a case-folded word, the log odds ratio of violating texts that have it against others that have it.

    Counts texts, not occurrences, adds a half to every count, and leaves out words of fewer than five texts. It
    reads labels alone: no model has a say in what is attacked.
    """
    inside: dict[bool, Counter[str]] = {True: Counter(), False: Counter()}
    totals = {True: 0, False: 0}
    for example in examples:
        if policy in example.labels:
            totals[example.labels[policy]] += 1
            inside[example.labels[policy]].update(set(_words(example.text)))
    return {
        word: _smoothed(inside[True][word], totals[True]) - _smoothed(inside[False][word], totals[False])
        for word in inside[True].keys() | inside[False].keys()
        if inside[True][word] + inside[False][word] >= _MIN_TEXTS
    }


def most_toxic(text: str, log_odds: Mapping[str, float], count: int = WORDS_ATTACKED) -> list[str]:
    """Return the `count` distinct words of `text` with the highest log odds; an unknown word has 0."""
    words = list(dict.fromkeys(_words(text)))
    return sorted(words, key=lambda word: -log_odds.get(word, 0.0))[:count]


def robustness(
    model: Model,
    policy: str,
    train: Sequence[Example],
    test: Sequence[Example],
    *,
    source: str,
    limit: int = 500,
    seed: int = 0,
) -> list[Robustness]:
    """Return what recall `model` keeps under every attack on up to `limit` positives of `test`.

    The three most toxic words of each positive, by the labels of `train`, are attacked. Empty where `test` has no
    positive or no negative.
    """
    rows, labels = labelled(test, policy)
    if not labels.any() or labels.all():
        return []
    column = model.column(policy)
    random = np.random.default_rng(seed)
    negatives = [test[row] for row in rows[~labels]]
    drawn = random.permutation(rows[labels])[:limit]
    positives = [test[row] for row in drawn]
    threshold = threshold_at(logits_of(model, negatives)[:, column], FALSE_POSITIVE_RATE)
    clean = (logits_of(model, positives)[:, column] >= threshold).astype(np.float64)
    log_odds = word_log_odds(train, policy)
    targets = [most_toxic(example.text, log_odds) for example in positives]
    found = []
    for kind in ATTACKS:
        texts = [
            obfuscate(example.text, words, kind, random) for example, words in zip(positives, targets, strict=True)
        ]
        hit = (model.decision_function(texts)[:, column] >= threshold).astype(np.float64)
        kept = bootstrap_ratio(hit, clean, seed=seed)
        found.append(Robustness(source, policy, kind, clean.size, float(clean.mean()), float(hit.mean()), kept))
    return found


def threshold_at(negatives: Floats, rate: float) -> float:
    """Return the lowest threshold that at most `rate` of the scores of negatives (n,) reach."""
    ranked = np.sort(negatives)[::-1]
    allowed = math.floor(rate * ranked.size)
    return float(np.nextafter(ranked[allowed], np.inf)) if allowed < ranked.size else -math.inf


def _words(text: str) -> list[str]:
    return [word for word in map(str.casefold, _WORD.findall(text)) if len(word) > 1 and word not in _PLACEHOLDERS]


def _smoothed(count: int, total: int) -> float:
    return math.log(count + 0.5) - math.log(total - count + 0.5)


def _some(places: Sequence[int], random: np.random.Generator) -> set[int]:
    """Draw about half the places, and one at least."""
    if not places:
        return set()
    kept = {place for place in places if random.random() < 0.5}
    return kept or {places[int(random.integers(len(places)))]}


def _replace_some(word: str, table: Mapping[str, str], random: np.random.Generator) -> str:
    chosen = _some([place for place, char in enumerate(word) if char.lower() in table], random)
    return "".join(
        table[char.lower()][random.integers(len(table[char.lower()]))] if place in chosen else char
        for place, char in enumerate(word)
    )
