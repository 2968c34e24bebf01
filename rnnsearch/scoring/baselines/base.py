"""What baselines have in common: training rows, and what a fit returns."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Rows: TypeAlias = NDArray[np.int64]

MIN_TRAIN = 50
"""Fewest training rows of a fitted baseline."""


@dataclass(frozen=True, eq=False)
class Fitted:
    """Forecasts (m,) of a fitted baseline, what was chosen, and how many rows it was fitted on.

    `chosen` is for tables, such as "alpha 1,200" or "ARMA(1, 0)". `rows` may be fewer than the
    training rows: the most recent ones that fit into memory.
    """

    forecast: Floats
    chosen: str
    rows: int
