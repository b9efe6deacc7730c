"""Which texts to put before people next, and with what probability each was chosen.

Every strategy but `uncertainty` draws at random, with a probability of being chosen that is known exactly for every
text, so that `ml.weighting` can undo the choice in training and in figures. A sample of fixed size with given
probabilities is drawn systematically (Madow 1949): a ladder of equal steps with one random start is laid along the
probabilities. Along an ordered pool that is a stratified sample as well.
`python -m ml.active` measures what each is worth on labelled data; docs/adr/0013 says what it showed.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ml.errors import InputError, MlError
from ml.sampling import minhash_bands, near_duplicate_groups

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

DEFAULT = "precision"
_EXPLORED = 0.2  # share of a hybrid or precision draw that is spread over the whole pool
_REACH = 2  # the distance of the text at this many times the count is where interest has fallen by a factor of e


@dataclass(frozen=True, slots=True)
class Pool:
    """Unlabelled texts as the champion sees them.

    `logits` (n, n_policies), `limits` (n_policies,) the logits of the thresholds, `groups` (n,) a number a group of
    near duplicates (`duplicate_groups`).
    """

    logits: Floats
    limits: Floats
    groups: Ints

    def __post_init__(self) -> None:
        """Refuse arrays that do not fit together, or logits that are no numbers, with `InputError`."""
        rows, policies = self.logits.shape if self.logits.ndim == 2 else (-1, -1)
        if self.limits.shape != (policies,) or self.groups.shape != (rows,):
            raise InputError("a pool needs logits (n, n_policies), limits (n_policies,) and groups (n,)")
        if not (np.isfinite(self.logits).all() and np.isfinite(self.limits).all()):
            raise InputError("logits and limits must be finite numbers")

    @property
    def distance(self) -> Floats:
        """Distance of each text to the nearest policy's threshold, (n,), in logit units."""
        return np.asarray(np.abs(self.logits - self.limits).min(axis=1))


@dataclass(frozen=True, slots=True)
class Choice:
    """Rows of the pool to label, (k,) rising, each once, with the probability that each was to be chosen.

    `probabilities` (k,) are `None` where nothing was left to chance: such labels can be given no weight.
    """

    rows: Ints
    probabilities: Floats | None


Strategy = Callable[[Pool, int, np.random.Generator], Choice]


def random(pool: Pool, count: int, source: np.random.Generator) -> Choice:
    """Choose `count` texts, each as likely as any other."""
    rows = np.arange(pool.groups.size)
    return _systematic(np.ones(rows.size), source.permutation(rows), count, source)


def uncertainty(pool: Pool, count: int, source: np.random.Generator) -> Choice:
    """Choose the `count` texts nearest to a threshold (Lewis & Gale 1994); nothing is random, so no probabilities."""
    del source
    return Choice(np.sort(np.argsort(pool.distance, kind="stable")[:count]), None)


def precision(pool: Pool, count: int, source: np.random.Generator) -> Choice:
    """Choose what makes the precision of the queue known best: flagged texts, the doubtful ones more often.

    Neyman's allocation for a proportion, as in Sawade, Landwehr & Scheffer 2010: probability in proportion to the
    standard deviation `sqrt(p (1 - p))` of the label of a flagged text; a fifth of the draw goes to all texts alike.
    """
    spread = np.exp(-0.5 * (np.logaddexp(0.0, pool.logits) + np.logaddexp(0.0, -pool.logits)))
    interest = (spread * (pool.logits >= pool.limits)).max(axis=1)
    return _systematic(_explored(interest), source.permutation(interest.size), count, source)


def diversity(pool: Pool, count: int, source: np.random.Generator) -> Choice:
    """Choose texts of all kinds: a group of near duplicates counts as one text, decision profiles are spread.

    The pool is ordered by its profile: the policy nearest to flagging, then how near; the draw is even along it.
    """
    return _systematic(_once_a_group(pool), _by_profile(pool, source), count, source)


def hybrid(pool: Pool, count: int, source: np.random.Generator) -> Choice:
    """Choose mostly near a threshold, one of a group of near duplicates, spread over profiles, some anywhere.

    Interest falls as `exp(-distance / reach)`; the reach is the distance within which twice as many texts lie as are
    asked for, since logits of a young model are all small. A fifth of the draw goes to all groups alike, so that every
    text has a probability to be chosen that a weight can undo.
    """
    nearest = np.sort(pool.distance)[: max(1, _REACH * count)]
    reach = max(float(nearest[-1]), 1e-12) if nearest.size else 1.0
    interest = np.exp(-pool.distance / reach) * _once_a_group(pool)
    return _systematic(_explored(interest, _once_a_group(pool)), _by_profile(pool, source), count, source)


STRATEGIES: Mapping[str, Strategy] = {
    "random": random,
    "uncertainty": uncertainty,
    "precision": precision,
    "diversity": diversity,
    "hybrid": hybrid,
}


def choose(pool: Pool, count: int, *, strategy: str = DEFAULT, seed: int = 0) -> Choice:
    """Return `count` texts of the pool to label next, all of it where it is smaller.

    The same arguments give the same choice. Raises `InputError` for an unknown strategy or a negative count.
    """
    if strategy not in STRATEGIES:
        raise InputError(f"no strategy is called {strategy!r}; there are {', '.join(STRATEGIES)}")
    if count < 0:
        raise InputError("count must not be negative")
    return STRATEGIES[strategy](pool, min(count, pool.groups.size), np.random.default_rng(seed))


def duplicate_groups(texts: Sequence[str]) -> Ints:
    """Return a number for each text, (n,): near duplicates (`ml.sampling.minhash_bands`) share one."""
    names = near_duplicate_groups([minhash_bands(text) for text in texts])
    return np.unique(np.array(names, dtype=object).astype(str), return_inverse=True)[1].astype(np.int64)


def inclusion_probabilities(interest: Floats, count: int) -> Floats:
    """Return the probability of each text to be among `count`, (n,): in proportion to `interest`, at most 1.

    They sum to `count`. `interest` is at least 0; where fewer than `count` texts have any, the rest share what is left.
    """
    chances = np.zeros(interest.size)
    sure = np.zeros(interest.size, dtype=bool)
    while (left := count - int(sure.sum())) > 0 and not sure.all():
        mass = np.where(sure, 0.0, interest)
        mass = mass if mass.sum() > 0.0 else np.where(sure, 0.0, 1.0)
        chances = np.where(sure, 1.0, mass / mass.sum() * left)
        if not (over := ~sure & (chances >= 1.0)).any():
            return chances
        sure |= over
    return np.where(sure, 1.0, 0.0)


def _systematic(interest: Floats, order: Ints, count: int, source: np.random.Generator) -> Choice:
    chances = inclusion_probabilities(interest, count)
    ladder = np.cumsum(chances[order])
    steps = np.arange(count) + source.random()
    places = np.searchsorted(ladder, steps, side="right").clip(max=max(interest.size - 1, 0))
    rows = np.unique(order[places])
    return Choice(rows, chances[rows])


def _explored(interest: Floats, elsewhere: Floats | None = None) -> Floats:
    """Return `interest` with a fifth of its sum spread in proportion to `elsewhere` (default: evenly)."""
    spread = np.ones(interest.size) if elsewhere is None else elsewhere
    if interest.sum() <= 0.0:
        return spread
    return np.asarray((1.0 - _EXPLORED) * interest / interest.sum() + _EXPLORED * spread / spread.sum())


def _once_a_group(pool: Pool) -> Floats:
    _, place, sizes = np.unique(pool.groups, return_inverse=True, return_counts=True)
    return np.asarray(1.0 / sizes[place])


def _by_profile(pool: Pool, source: np.random.Generator) -> Ints:
    margins = pool.logits - pool.limits
    nearest = margins.argmax(axis=1)
    return np.lexsort((source.random(nearest.size), margins.max(axis=1), nearest))


def main(arguments: Sequence[str] | None = None) -> int:
    """Simulate reviewing one labelled set by every strategy, print a line each, and return the exit code."""
    from ml.simulation import simulate_set

    parser = argparse.ArgumentParser(prog="python -m ml.active", description="What each choice of labels is worth.")
    parser.add_argument("--data", type=Path, required=True, help="folder of the labelled data")
    parser.add_argument("--set", required=True, help="name of a labelled set")
    parser.add_argument("--policy", help="policy of that set (default: its last)")
    parser.add_argument("--strategy", action="append", choices=list(STRATEGIES), help="default: all")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--weighted", action="store_true", help="weight labels by their inverse probability")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    options = parser.parse_args(arguments)
    try:
        for found in simulate_set(
            options.data,
            options.set,
            options.policy,
            strategies=options.strategy,
            seeds=range(options.seeds),
            weighted=options.weighted,
        ):
            line = json.dumps(asdict(found)) if options.json else found.sentence
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()
    except MlError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
