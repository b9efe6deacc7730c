"""Penalised logistic regression, several fits of the same rows at once, in the compiled core (`ml.native`, solve.c)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ml import native
from ml.corpus import Bools, Rows
from ml.features import Floats

TOLERANCE = 0.6
"""Mean slope of the dual, in log odds, at which a fit is done: what follows hardly changes how texts are ranked."""

ROUNDS = 60
MOST_LANES = 8
_BIAS = 3.0  # the bias is penalised a ninth as much as a weight


@dataclass(frozen=True, slots=True)
class Solved:
    """Weights (n_features, lanes) of the features as they are, biases (lanes,), and the dual, shares (n, lanes)."""

    weights: Floats
    bias: Floats
    shares: Floats


def solve(
    rows: Rows,
    labels: Bools,
    costs: Floats,
    factors: Floats,
    *,
    extra: Floats | None = None,
    offset: Floats | float = 0.0,
    bias: float = _BIAS,
    shares: Floats | None = None,
    tolerance: float = TOLERANCE,
    rounds: int = ROUNDS,
) -> Solved:
    """Minimise, a lane, `sum(costs * logistic loss) + 1/2 sum(weights² / factors²) + 1/2 (b/bias)²`.

    `costs` is (n, lanes), 0 for rows that a lane leaves out; `factors` (n_features, lanes) is how freely each weight
    moves, 0 not at all. `extra` (n,) is one more column of the rows, whose weight is fitted and left out of what is
    returned; `offset` is added to the logits. `shares` are another fit's, of nearly the same rows. At most 8 lanes.
    """
    count, lanes = costs.shape
    width = next(size for size in (1, 2, 4, MOST_LANES) if size >= lanes)
    table = np.zeros((rows.columns, 2, width), dtype=np.float32)
    table[:, 1, :lanes] = factors**2
    spent = _wide(costs, width)
    dual = _wide(np.zeros_like(costs) if shares is None else shares, width)
    ends = np.zeros((2, width))
    signs = np.where(labels, 1.0, -1.0)
    offsets = np.ascontiguousarray(np.broadcast_to(np.asarray(offset, dtype=np.float64), (count,)))
    address = native.pointer
    done = native.library().eh_solve(
        *rows.addresses(), count, width, address(signs), address(spent), address(offsets), address(extra),
        bias, tolerance, rounds, address(dual), address(table), address(ends),
    )  # fmt: skip
    if done < 0:
        raise MemoryError("no memory to fit a policy")
    return Solved(table[:, 0, :lanes].astype(np.float64), ends[0, :lanes] * bias, dual[:, :lanes])


def _wide(lanes: Floats, width: int) -> Floats:
    """Return a copy of `lanes` (n, lanes) with columns of zeros up to `width`."""
    wide = np.zeros((lanes.shape[0], width))
    wide[:, : lanes.shape[1]] = lanes
    return wide
