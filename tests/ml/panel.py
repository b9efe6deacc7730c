"""Synthetic moderators of known accuracy, and what is true of any two of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Panel:
    """Moderators with a sensitivity and a specificity each, judging texts that violate with a prevalence."""

    sensitivity: Floats
    specificity: Floats
    prevalence: float

    @staticmethod
    def of(size: int, *, seed: int, prevalence: float = 0.3) -> Panel:
        """A panel whose members are right in 75 to 98 % of cases."""
        random = np.random.default_rng(seed)
        return Panel(random.uniform(0.75, 0.98, size), random.uniform(0.75, 0.98, size), prevalence)

    @property
    def _both(self) -> tuple[float, float, float]:
        """The chance that a random first says yes, and that two different random members agree, and say yes both."""
        size = self.sensitivity.size
        apart = ~np.eye(size, dtype=bool)

        def pairs(rates: Floats) -> float:
            return float(np.outer(rates, rates)[apart].mean())

        p, q = self.prevalence, 1 - self.prevalence
        yes = p * float(self.sensitivity.mean()) + q * float((1 - self.specificity).mean())
        both_yes = p * pairs(self.sensitivity) + q * pairs(1 - self.specificity)
        both_no = p * pairs(1 - self.sensitivity) + q * pairs(self.specificity)
        return yes, both_yes + both_no, both_yes

    @property
    def kappa(self) -> float:
        """Cohen's kappa of a random pair in random order."""
        yes, agree, _ = self._both
        chance = yes**2 + (1 - yes) ** 2
        return (agree - chance) / (1 - chance)

    @property
    def alpha(self) -> float:
        """Krippendorff's alpha of random pairs, of infinitely many units: the same, since their leanings are pooled."""
        return self.kappa

    def judge_pairs(self, units: int, *, seed: int) -> tuple[list[str], list[str], NDArray[np.bool_]]:
        """Judgements of two different random members a unit, and the truth."""
        random = np.random.default_rng(seed)
        truth = random.random(units) < self.prevalence
        size = self.sensitivity.size
        first = random.integers(0, size, units)
        second = (first + random.integers(1, size, units)) % size
        return self._say(first, truth, random), self._say(second, truth, random), truth

    def _say(self, who: NDArray[np.int64], truth: NDArray[np.bool_], random: np.random.Generator) -> list[str]:
        chance = np.where(truth, self.sensitivity[who], 1 - self.specificity[who])
        return ["yes" if said else "no" for said in random.random(who.size) < chance]


@dataclass(frozen=True)
class Traffic:
    """Texts with a score each, of which some violate, drawn for audit by the stratum of their score."""

    scores: Floats
    violates: NDArray[np.bool_]
    rates: Floats
    threshold: float

    @staticmethod
    def of(
        texts: int, *, seed: int, strata: tuple[tuple[float, float], ...] = ((0, 0.02), (0.2, 0.1), (0.6, 0.3))
    ) -> Traffic:
        """Traffic of about 4 % violations, two thirds of them flagged."""
        random = np.random.default_rng(seed)
        logits = random.normal(-3.6, 1.9, texts)
        scores = 1 / (1 + np.exp(-logits))
        violates = random.random(texts) < 1 / (1 + np.exp(-(logits - 0.5)))
        rates = np.select([scores >= start for start, _ in reversed(strata)], [rate for _, rate in reversed(strata)])
        return Traffic(scores, violates, rates, 0.5)

    def drawn(self, *, seed: int) -> NDArray[np.bool_]:
        """Which texts an audit draws."""
        return np.random.default_rng(seed).random(self.scores.size) < self.rates

    @property
    def prevalence(self) -> float:
        """The share of violations among all texts."""
        return float(self.violates.mean())

    def recall(self, threshold: float) -> float:
        """The share of violations that score at least the threshold."""
        return float((self.scores[self.violates] >= threshold).mean())
