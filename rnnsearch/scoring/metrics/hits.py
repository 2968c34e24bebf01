"""How often the direction was right.

One rule everywhere: a rise is a change above 0. A price that did not change did not rise.
"""

import numpy as np

from rnnsearch.arrays import Floats
from rnnsearch.language import marked
from rnnsearch.scoring.metrics.base import SHARE, Metric, directed


def directional_accuracy(
    actual: Floats, forecast: Floats, reference: Floats | float = 0.0
) -> float:
    """Share of rows where a rise was forecast and came, or neither, 0 to 1.

    `mean((f > reference) == (a > reference))`: only what lies above the reference is a rise. A
    price that did not change did not rise, and a forecast of no change forecasts no rise; the
    target `direction` and the tests of directions have the same rule.
    """
    return float(np.mean((forecast > reference) == (actual > reference)))


METRICS = (
    Metric(
        key="directional_accuracy",
        label=marked("right direction"),
        function=lambda s: directional_accuracy(s.actual, s.forecast, s.middle),
        unit=SHARE,
        format=".1f",
        better="higher",
        meaning=marked("how often the forecast rose, or did not, as it came"),
        applies=directed,
        short=marked("hits\n%"),
    ),
    Metric(
        key="always_up",
        label=marked("always up"),
        function=lambda s: float(np.mean(s.rose)),
        unit=SHARE,
        format=".1f",
        meaning=marked("how often the price rose: a forecast that always says up"),
        applies=directed,
        short=marked("rises\n%"),
    ),
)
