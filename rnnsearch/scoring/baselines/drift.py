"""The average growth of the past goes on."""

import math

import numpy as np

from rnnsearch.scoring.baselines.base import Floats, Rows


def persistence(close: Floats, target_rows: Rows, output_shift: int) -> Floats:
    """Nothing changes: `close[t]`."""
    return close[target_rows - output_shift]


def drift(close: Floats, target_rows: Rows, output_shift: int, history: slice) -> Floats:
    """The mean daily growth of `history` goes on: `close[t] * exp(output_shift * mu)`.

    `mu` is the mean of `log(close[i] / close[i-1])` over the rows of `history` (at least two),
    which must end before the first target row. It is estimated once and not updated.
    """
    growth = float(np.diff(np.log(close[history])).mean())
    return persistence(close, target_rows, output_shift) * math.exp(output_shift * growth)
