"""Calibrations beside the shipped one: rising, true where the affine map is not, and never out of bounds."""

import numpy as np
import pytest

from ml.calibrators import beta, isotonic
from ml.metrics import expected_calibration_error


def bent(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Logits whose log odds are no affine function of them, with labels."""
    random = np.random.default_rng(seed)
    logits = random.normal(0.0, 2.0, count)
    odds = 0.3 * np.logaddexp(0.0, logits) - 2.0 * np.logaddexp(0.0, -logits)
    return logits, random.random(count) < 1.0 / (1.0 + np.exp(-odds))


@pytest.mark.parametrize("make", [isotonic, beta])
def test_it_undoes_what_no_affine_map_can(make: object) -> None:
    logits, labels = bent(20_000, 0)
    fresh, truth = bent(20_000, 1)

    stated = make(logits, labels)(fresh)  # type: ignore[operator]

    assert expected_calibration_error(truth, stated) < 0.02
    assert expected_calibration_error(truth, 1.0 / (1.0 + np.exp(-fresh))) > 0.05


@pytest.mark.parametrize("make", [isotonic, beta])
def test_it_rises_and_stays_between_0_and_1(make: object) -> None:
    logits, labels = bent(500, 2)

    stated = make(logits, labels)(np.linspace(-50.0, 50.0, 1001))  # type: ignore[operator]

    assert np.all(np.diff(stated) >= -1e-12)
    assert stated.min() >= 0.0
    assert stated.max() <= 1.0
