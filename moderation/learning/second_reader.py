"""The second reader, loaded once a process: the only door to ``ml.contextual`` outside of ``ml``.

It is off until ``SECOND_READER`` names its folder. What it needs is imported at the first reading, in a worker: web
processes never load it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from django.conf import settings

from ml.errors import ArtifactError
from moderation.errors import ModelUnavailable

if TYPE_CHECKING:
    from ml.contextual.reader import Reader


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
        logits = [(slug, np.array(first[slug]), np.array(seconds[slug])) for slug in known]
        found.append([Read(slug, float(a), float(b), float(stacks[slug].logits(a, b))) for slug, a, b in logits])
    return found


def _load() -> Reader:
    if not is_on():
        raise ModelUnavailable("No second reader is set up.")
    pinned = (str(settings.SECOND_READER), str(settings.SECOND_READER_SHA256))
    if pinned not in _loaded:
        try:
            from ml.contextual.reader import Reader

            reader = Reader.load(Path(pinned[0]), pinned[1] or None)
        except (ArtifactError, ImportError) as error:
            raise ModelUnavailable(f"The second reader cannot be loaded: {error}") from error
        _loaded.clear()
        _loaded[pinned] = reader
    return _loaded[pinned]
