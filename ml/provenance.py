"""What a model was made with, for its manifest."""

from __future__ import annotations

import platform

import numpy as np
import scipy


def libraries() -> dict[str, str]:
    """Return the versions that a model was trained with."""
    return {"python": platform.python_version(), "numpy": np.__version__, "scipy": scipy.__version__}
