"""What a condition looks at: the facts of one content, as plain values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from moderation import links


@dataclass(frozen=True)
class Facts:
    """One content as rules see it. What is unknown (no score, no language, no age) satisfies no comparison.

    ``scores`` and ``reasons`` go by policy slug: a probability, and how many complaints name it. ``reports`` counts
    complaints, each reporter once. ``banks`` holds the slugs of the banks that were hit, ``bank_policies`` those of
    their policies.
    """

    scores: Mapping[str, float] = field(default_factory=dict)
    flagged: frozenset[str] = frozenset()
    reports: int = 0
    reasons: Mapping[str, int] = field(default_factory=dict)
    sources: frozenset[str] = frozenset()
    language: str = ""
    content_type: str = ""
    account_age_days: float | None = None
    strikes: int = 0
    banks: frozenset[str] = frozenset()
    bank_policies: frozenset[str] = frozenset()
    content_attributes: Mapping[str, Any] = field(default_factory=dict)
    author_attributes: Mapping[str, Any] = field(default_factory=dict)
    text: str = ""

    @cached_property
    def domains(self) -> frozenset[str]:
        """The domains of the text's links, each with its parents down to the registrable one."""
        return links.domains(self.text)

    @cached_property
    def top_score(self) -> float | None:
        """The highest score of any policy."""
        return max(self.scores.values(), default=None)
