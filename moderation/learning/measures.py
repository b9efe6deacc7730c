"""The estimators of agreement and of what is missed."""

from dataclasses import asdict

from ml import agreement, estimates
from ml.agreement import Estimate

__all__ = ["Estimate", "alpha", "as_figures", "kappa", "share", "weighted_share", "weighted_total"]

alpha = agreement.alpha
kappa = agreement.kappa
share = agreement.share
weighted_share = estimates.share
weighted_total = estimates.total


def as_figures(estimate: Estimate) -> dict[str, float | int | None]:
    """The estimate as JSON holds it: value, low, high, n."""
    return asdict(estimate)
