"""How good chances of a rise are.

m  rows      p  forecast chance of a rise (m,)      rose  whether it rose (m,)
"""

import math

import numpy as np

from rnnsearch.arrays import Floats
from rnnsearch.language import marked
from rnnsearch.scoring.metrics.base import Bools, Metric, chance

SURE = 1e-6
"""A chance nearer to 0 or 1 counts as this: to be sure and wrong costs 13.8, not infinity."""


def log_loss(rose: Bools, p: Floats) -> float:
    """`-mean(log(chance given to what came))`: 0 perfect, 0.693 for always saying one half."""
    p = np.clip(p, SURE, 1 - SURE)
    return float(-np.mean(np.where(rose, np.log(p), np.log1p(-p))))


def auc(rose: Bools, p: Floats) -> float:
    """Area under the ROC curve: how often a row that rose has a higher chance than one that did
    not, ties counting half. 0.5 is no order at all. NaN where all rose, or none did.

    Mann & Whitney 1947, by ranks.
    """
    rises = int(np.count_nonzero(rose))
    others = len(rose) - rises
    if not rises or not others:
        return math.nan
    _, place, rows = np.unique(p, return_inverse=True, return_counts=True)
    last = np.cumsum(rows)  # the highest rank of each distinct chance
    ranks = float((last - (rows - 1) / 2)[place][rose].sum())
    return (ranks - rises * (rises + 1) / 2) / (rises * others)


def brier_skill(rose: Bools, p: Floats, naive: Floats) -> float:
    """`1 - Brier(p) / Brier(naive)`, the mean squared errors of chances: above 0 is better.

    Where the naive forecast is perfect: 0 for a perfect forecast, else minus infinity.
    Brier 1950, Verification of forecasts expressed in terms of probability.
    """
    own, other = (float(np.mean((rose - forecast) ** 2)) for forecast in (p, naive))
    if other == 0:
        return 0.0 if own == 0 else -math.inf
    return 1 - own / other


METRICS = (
    Metric(
        key="log_loss",
        label=marked("log loss"),
        function=lambda s: log_loss(s.rose, s.forecast),
        better="lower",
        meaning=marked("cost of the chances: 0 is perfect, 0.693 is always saying one half"),
        applies=chance,
    ),
    Metric(
        key="auc",
        label=marked("AUC"),
        function=lambda s: auc(s.rose, s.forecast),
        better="higher",
        meaning=marked("how often a session that rose had the higher chance: 0.5 tells nothing"),
        applies=chance,
    ),
    Metric(
        key="brier_skill",
        label=marked("Brier skill"),
        function=lambda s: brier_skill(s.rose, s.forecast, s.hardest),
        better="higher",
        meaning=marked("1 − Brier score / that of the hardest naive forecast"),
        applies=chance,
    ),
)
