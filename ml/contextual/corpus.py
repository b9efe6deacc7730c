"""What the second reader is trained on: normalised texts with a label column for each set and policy.

Sets disagree about what hate is, so each keeps heads of its own; `release` makes the policies' heads of them. To the
sets come copies with words obfuscated and sentences made from patterns of ours, in which the same words violate or do
not by what is said about them (Röttger et al. 2021, HateCheck, name such functions: negation, counter-speech,
quotation, mention of an identity).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ml import chat, datasets
from ml.attacks import obfuscate
from ml.contextual.reading import read
from ml.lexicon import Lexicon
from ml.schemas import Example

OBFUSCATED = 0.12
"""Share of training texts that come a second time with three of their words attacked."""

_COPY_WEIGHT, _PATTERN_WEIGHT = 0.7, 0.4
_PATTERNS_A_SIDE = 1100
_KEPT_BACK = 60  # in a thousand groups of near-duplicates, kept back to fit heads, stacks and bands to
_LONGEST = 3000
_FEWEST_WORDS = 3

GROUPS = (
    *("women", "black people", "asian people", "immigrants", "refugees", "muslims", "jewish people", "gay people"),
    *("lesbians", "trans people", "disabled people", "mexicans", "arabs", "africans", "romani people", "hindus"),
    *("christians", "white people", "men", "old people", "autistic people", "foreigners"),
)
SLURRING = (
    *("are disgusting", "are worthless", "are a disease", "are subhuman", "do not deserve rights", "are filthy"),
    *("should be thrown out of this country", "should be locked up", "are all liars", "ruin everything"),
    *("deserve to suffer", "are less than animals", "should not be allowed to vote", "are parasites"),
)
VIOLATING = (
    *("i hate {g}", "{g} {b}", "i think {g} {b}", "honestly , {g} {b}", "we all know that {g} {b}"),
    *("i cannot stand {g} , they {b}", "{g} {b} and everyone knows it", "i am not racist but {g} {b}", "all {g} {b}"),
    *("get rid of {g}", "{g} make me sick", "i wish {g} would disappear", "nobody would miss {g}"),
    *("i would never hire any of those {g}", "it is true that {g} {b}"),
)
HARMLESS = (
    *("i do not hate {g}", "i hate that people say {g} {b}", "nobody should say that {g} {b}", "i love {g}"),
    *("saying {g} {b} is wrong", '" {g} {b} " is a terrible thing to say', "it is not true that {g} {b}"),
    *('he said " {g} {b} " and got banned for it', "if you think {g} {b} you need help", "{g} deserve respect"),
    *("{g} are not the problem , hate is", "my friends are {g}", "we welcome {g} here", "stop claiming that {g} {b}"),
    *("many {g} live in this town", "{g} have a right to be safe", "reported : someone wrote that {g} {b}"),
    *("who still believes that {g} {b} ? that is awful", "the law protects {g}", "i am tired of people who hate {g}"),
    *("as one of the {g} , i am proud of who i am", "a new book about {g} came out", "what do {g} think about this ?"),
    *("people who say {g} {b} should be ashamed",),
)
PATTERN_HEADS = (
    *("davidson/hate", "hatexplain/harassment", "stormfront_hate/hate", "hatemoji_build/hate"),
    *("openai_moderation/hate", "chat/hate"),
)
_OF_WOMEN = "edos_sexism/hate"


@dataclass(frozen=True, slots=True)
class Row:
    """A normalised text; `labels` a head, `part` one of train, kept (back), validation, test."""

    text: str
    original: str
    labels: Mapping[str, bool]
    part: str
    source: str
    weight: float = 1.0


def heads() -> tuple[str, ...]:
    """Return the label columns of all sets that may be trained on, as `set/policy`, and of the chat lines."""
    sets = [f"{item.name}/{policy}" for item in datasets.SETS if item.trainable for policy in item.columns]
    return (*sets, *(f"{chat.NAME}/{policy}" for policy in datasets.POLICIES))


def heads_of(policy: str) -> tuple[str, ...]:
    """Return the heads that speak for `policy`."""
    return tuple(name for name in heads() if name.endswith(f"/{policy}"))


def rows(folder: Path, train: Sequence[Example], lexicon: Lexicon, *, seed: int = 1) -> list[Row]:
    """Return everything to train, fit and measure on; raises `DataError`.

    `train` is what `datasets.training_examples` gives of the labelled data in `folder` and the chat lines.
    """
    held = [row for row in chat.examples(datasets.POLICIES) if row.split != "train"]
    for item in datasets.SETS:
        held += [row for row in datasets.read(item, folder) if row.split != "train"]
    random = np.random.default_rng(seed)
    found = [_row(row, lexicon, "kept" if is_kept_back(row) else "train") for row in train]
    found += [_row(row, lexicon, row.split) for row in held]
    found += _obfuscated([row for row in train if not is_kept_back(row)], lexicon, random)
    found += _patterns(random)
    return [row for row in found if row.text]


def is_kept_back(row: Example) -> bool:
    """Whether a training text is left for fitting heads, stacks and bands, with all its near-duplicates."""
    return int(hashlib.sha256(f"v{row.group}".encode()).hexdigest(), 16) % 1000 < _KEPT_BACK


def _row(example: Example, lexicon: Lexicon, part: str, weight: float = 1.0) -> Row:
    labels = {f"{example.source}/{policy}": value for policy, value in example.labels.items()}
    text = example.text[:_LONGEST]
    return Row(read(text, lexicon).text, text, labels, part, example.source, weight)


def _obfuscated(train: Sequence[Example], lexicon: Lexicon, random: np.random.Generator) -> Iterator[Row]:
    for example in train:
        words = sorted(set(example.text.split()))
        if random.random() >= OBFUSCATED or len(words) < _FEWEST_WORDS:
            continue
        chosen = [str(word) for word in random.choice(words, size=_FEWEST_WORDS, replace=False)]
        attacked = obfuscate(example.text[:_LONGEST], chosen, "mixed", random)
        yield _row(replace(example, text=attacked), lexicon, "train", _COPY_WEIGHT)


def _patterns(random: np.random.Generator) -> Iterator[Row]:
    for patterns, violates in ((VIOLATING, True), (HARMLESS, False)):
        texts: set[str] = set()
        while len(texts) < _PATTERNS_A_SIDE:
            pattern, group, slur = (str(random.choice(kind)) for kind in (patterns, GROUPS, SLURRING))
            texts.add(pattern.format(g=group, b=slur))
        for text in sorted(texts):
            about = (*PATTERN_HEADS, _OF_WOMEN) if "women" in text or "lesbians" in text else PATTERN_HEADS
            yield Row(text, text, dict.fromkeys(about, violates), "train", "patterns", _PATTERN_WEIGHT)
