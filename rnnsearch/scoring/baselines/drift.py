"""The average growth of the past goes on."""

import numpy as np

from rnnsearch.arrays import Floats, Rows
from rnnsearch.language import marked
from rnnsearch.scoring.baselines.base import Baseline, Fitted, has_growth, of_growth


def drift(close: Floats, target_rows: Rows, output_shift: int, history: slice) -> Fitted:
    """Log growth `h * mu` (m,): the mean daily growth of `history` goes on.

    `mu` is the mean of `log(close[i] / close[i-1])` over the rows of `history` (at least two),
    which must end before the first target row. It is estimated once and not updated.
    """
    known = np.diff(np.log(close[history]))
    return Fitted(np.full(len(target_rows), output_shift * float(known.mean())), "", len(known))


BASELINE = Baseline(
    name="drift",
    meaning=marked("the average growth of the past goes on"),
    applies=has_growth,
    forecast=of_growth(drift),
)
