"""What a model costs to serve: speed, size, memory, measured in a process of its own."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from ml import artifacts

T = TypeVar("T")

_ONE_BY_ONE = 300
_STATM = Path("/proc/self/statm")


@dataclass(frozen=True, slots=True)
class Cost:
    """Texts a second in batch, milliseconds a text alone (explained), and what the model takes up.

    `memory_bytes` is what is resident once the model is loaded and has explained the texts, interpreter and numpy
    included; `None` where the system does not say.
    """

    texts: int
    score_per_second: float
    explain_per_second: float
    one_by_one_p50_ms: float
    one_by_one_p95_ms: float
    artifact_bytes: int
    load_seconds: float
    memory_bytes: int | None


def measure(folder: Path, texts: Sequence[str]) -> Cost:
    """Return the cost of the model in `folder` on `texts` (one at least), in a fresh interpreter on one thread."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as fresh:
        return fresh.submit(_measure, folder, list(texts)).result()


def _measure(folder: Path, texts: list[str]) -> Cost:
    load_seconds, model = _timed(lambda: artifacts.load(folder))
    model.decision_function(texts)  # warms caches, as a worker's are
    scoring, _ = _timed(lambda: model.decision_function(texts))
    explaining, _ = _timed(lambda: model.explain(texts))
    alone = [_timed(lambda text=text: model.explain([text]))[0] for text in texts[:_ONE_BY_ONE]]  # type: ignore[misc]
    p50, p95 = np.quantile(alone, [0.5, 0.95]) * 1000.0
    return Cost(
        texts=len(texts),
        score_per_second=len(texts) / scoring,
        explain_per_second=len(texts) / explaining,
        one_by_one_p50_ms=float(p50),
        one_by_one_p95_ms=float(p95),
        artifact_bytes=sum(path.stat().st_size for path in folder.iterdir()),
        load_seconds=load_seconds,
        memory_bytes=_resident(),
    )


def _timed(call: Callable[[], T]) -> tuple[float, T]:
    started = time.perf_counter()
    result = call()
    return time.perf_counter() - started, result


def _resident() -> int | None:
    if not _STATM.exists():
        return None
    return int(_STATM.read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
