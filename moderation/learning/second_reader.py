"""The second reader, loaded once a process: the only door to ``ml.contextual`` outside of ``ml``.

It is off until ``SECOND_READER`` names its folder. What it needs is imported at the first reading, in a worker: web
processes never load it.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from django.conf import settings

from ml.errors import ArtifactError
from moderation.errors import ModelUnavailable


class Stack(Protocol):
    """What makes one calibrated logit of both readers'."""

    def logits(self, first: Any, second: Any) -> Any:
        """Return the stacked logits, of the shape of both arguments."""


class Reader(Protocol):
    """What is asked of ``ml.contextual.reader.Reader``."""

    @property
    def version(self) -> str:
        """The hash that stands for all files."""

    @property
    def policies(self) -> Sequence[str]:
        """The columns of ``score``."""

    @property
    def stacks(self) -> Mapping[str, Stack]:
        """A stack a policy."""

    def score(self, texts: Sequence[str]) -> Any:
        """Return calibrated logits (n_texts, n_policies)."""


_loaded: dict[tuple[str, str], Reader] = {}


@dataclass(frozen=True, slots=True)
class Read:
    """One policy of one text: the second reader's calibrated logit, and the stack of it and the first's."""

    policy: str
    first: float
    second: float
    stacked: float


def is_on() -> bool:
    """Whether a second reader is asked at all."""
    return bool(settings.SECOND_READER)


def version() -> str:
    """The hash that stands for the second reader's files. Raises ``ModelUnavailable``."""
    return _load().version


def read(texts: Sequence[str], firsts: Sequence[dict[str, float]]) -> list[list[Read]]:
    """Read texts whose first logits, policy to logit, stand in ``firsts``; raises ``ModelUnavailable``.

    A policy that only one reader knows, or that has no stack, is left out.
    """
    reader = _load()
    stacks = reader.stacks
    found: list[list[Read]] = []
    for first, row in zip(firsts, reader.score(texts), strict=True):
        seconds = dict(zip(reader.policies, row, strict=True))
        known = [slug for slug in first if slug in seconds and slug in stacks]
        logits = [(slug, np.float64(first[slug]), seconds[slug]) for slug in known]
        found.append([Read(slug, float(a), float(b), float(stacks[slug].logits(a, b))) for slug, a, b in logits])
    return found


def _load() -> Reader:
    if not is_on():
        raise ModelUnavailable("No second reader is set up.")
    pinned = (str(settings.SECOND_READER), str(settings.SECOND_READER_SHA256))
    if pinned not in _loaded:
        try:
            served = importlib.import_module("ml.contextual.reader")
            reader: Reader = served.Reader.load(Path(pinned[0]), pinned[1] or None)
        except (ArtifactError, ImportError) as error:
            raise ModelUnavailable(f"The second reader cannot be loaded: {error}") from error
        _loaded.clear()
        _loaded[pinned] = reader
    return _loaded[pinned]
