"""How large a usual move is, as the last sessions tell."""

import numpy as np

from rnnsearch.arrays import Floats

DECAY = 0.94
"""For daily prices: J. P. Morgan & Reuters 1996, RiskMetrics technical document, table 5.9."""


def recent_size(changes: Floats, start: float) -> Floats:
    """The root of the exponentially weighted mean square of all changes up to each one.

    `changes` (n,) -> (n + 1,): before the first change `start`, then after each. A change one
    session older weighs 0.94 times as much; half the weight is on the last 11.

    RiskMetrics 1996, eq. 5.3; arch's `EWMAVariance(0.94)` is the square, one session later.
    """
    import pandas as pd  # takes long, and a trial does without

    squares = np.square(np.concatenate([[start], changes]))
    means: Floats = pd.Series(squares).ewm(alpha=1 - DECAY, adjust=False).mean().to_numpy()
    return np.sqrt(means)
