"""Both readers and their cascade on the same texts in one run, and an explanation of the second."""

import statistics
import time
from collections.abc import Callable, Iterator, Sequence

from ml.contextual.reader import Reader
from tests.bench.figures import Figure, ratio

_TEXTS = 600
_EXPLAINED = 12


def measure(chosen: Sequence[str]) -> Iterator[Figure]:
    """Texts a second on one core of the first reader, the second, and the cascade that asks it about its bands."""
    from ml import artifacts
    from ml.contextual import artifact

    first, second = artifacts.load(artifacts.starter_path()), Reader.load(artifact.starter_path())
    texts = list(chosen[:_TEXTS])
    first.decision_function(texts), second.score(texts[:32])
    asked = second.bands.needs_second(first.policies, first.decision_function(texts))

    def cascade() -> None:
        logits = first.decision_function(texts)
        needed = second.bands.needs_second(first.policies, logits)
        second.score([text for text, needs in zip(texts, needed, strict=True) if needs])

    acts: list[Callable[[], object]] = [lambda: first.decision_function(texts), lambda: second.score(texts), cascade]
    rates = [_rate(act, len(texts)) for act in acts]
    names = ("first reader", "second reader", "cascade of both")
    figures = [Figure("second reader", name, rate, "texts/s", _TEXTS) for name, rate in zip(names, rates, strict=True)]
    yield from figures
    yield ratio(figures[2], figures[1], "second reader")
    yield Figure("second reader", "share of these texts it is asked about", float(asked.mean()), "", _TEXTS)
    yield from _explaining(second, texts)


def _rate(act: Callable[[], object], count: int) -> float:
    begun = time.perf_counter()
    act()
    return count / (time.perf_counter() - begun)


def _explaining(second: Reader, texts: Sequence[str]) -> Iterator[Figure]:
    taken, calls = [], []
    for text in texts[:_EXPLAINED]:
        begun = time.perf_counter()
        calls.append(second.explain(text, second.policies[0]).calls)
        taken.append(time.perf_counter() - begun)
    yield Figure("second reader", "explanation p50", statistics.median(taken), "s", _EXPLAINED)
    yield Figure("second reader", "readings an explanation p50", statistics.median(calls), "", _EXPLAINED)
