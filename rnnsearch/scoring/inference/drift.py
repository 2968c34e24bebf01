"""Has a forecast become worse than doing nothing? A test that may be looked at every day.

    n  forecasts whose outcome is known, in the order of their origins
    f  forecast      b  what doing nothing says      y  what came      h  sessions from f to y
    s  what a usual move over h sessions was when f was made
    q = |f - b| / s       how far f departs from b: known when f is made
    u = sign(f - b) (y - (f + b) / 2) / s

The squared error of `f` less that of `b` is `-2 q u s²`: where `f` is no worse than `b`, `u` is
not below 0 on average. So a gambler who stakes the share `lambda q C` of his money on `-u` cannot
expect to gain, and to multiply it by 20 at any time succeeds with 1 in 20 (Ville 1939): his money
is an e-process. The reciprocal of the most he ever had is a p-value that holds however often, and
at whatever moment, it is read (Shafer, Shen, Vereshchagin & Vovk 2011).

- `u` is cut at ±C, so that no stake loses more than it is. Where what comes is symmetric about its
  mean this keeps its sign; returns are not quite, and so rarely beyond C that it does not matter.
- The money is divided among several lambda (1/2 is right where the forecast has lost all that it
  knew, 1 where it has lost it twice), and among gamblers who begin later: one who played through
  good years has little left when bad ones come.
- Targets of several sessions overlap: forecasts are dealt to h players, each of whom knows the
  outcome of his last one when he stakes on the next. Their p-values are merged by e times their
  geometric mean (Vovk & Wang 2020, Combining p-values via averaging), and as each can only fall, so
  does what is merged.

After Henzi & Ziegel 2022, Valid sequential inference on probability forecast performance, and Choe
& Ramdas 2023, Comparing sequential forecasters; bets on bounded outcomes: Waudby-Smith & Ramdas
2024, Estimating means of bounded random variables by betting. Size and power:
tests/bench/LOG.md, "Does the forecast still hold?".
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rnnsearch.arrays import Floats, Rows
from rnnsearch.scoring.inference.significance import LEVEL

BOUND = 3.0
"""C, in usual moves. Outcomes of a chance (0 to 1), counted in halves, never lie beyond."""
STAKES = (0.5, 1.0, 2.0)
"""lambda."""
MOST = 0.9
"""Share of his money that a gambler stakes at most."""
QUARTER = 63
"""Sessions after which another gambler begins."""


@dataclass(frozen=True)
class Sequential:
    """p of being worse, and of being better, than doing nothing, after each of n outcomes.

    Neither ever rises. `worse` and `better` are (n,).
    """

    worse: Floats
    better: Floats

    @property
    def crossed(self) -> int | None:
        """The outcome after which it was worse by more than chance; None where it was not."""
        below = np.flatnonzero(self.worse <= LEVEL)
        return int(below[0]) if len(below) else None

    @property
    def ahead(self) -> bool:
        """Whether it has been better by more than chance."""
        return bool(len(self.better)) and bool(self.better[-1] <= LEVEL)


def sequential(
    actual: Floats,
    forecast: Floats,
    naive: Sequence[Floats],
    scale: Floats,
    horizon: int,
) -> Sequential:
    """Test forecasts (n,) against each naive forecast (n,), as outcomes become known.

    `scale` (n,) is the usual move over `horizon` sessions. Rows are in the order of their origins,
    at most one of each. Worse is: than any of the naive forecasts, charged for their number. Better
    is: than all.
    """
    players = np.arange(len(actual)) % horizon  # those of one lie `horizon` sessions apart or more
    worse, better = [], []
    for rival in naive:
        apart = forecast - rival
        reach = np.abs(apart) / scale
        beyond = np.sign(apart) * (actual - (forecast + rival) / 2) / scale
        worse.append(_p_values(reach, -beyond, players, horizon))
        better.append(_p_values(reach, beyond, players, horizon))
    if not naive or not len(actual):
        return Sequential(np.ones(len(actual)), np.ones(len(actual)))
    least = np.minimum(1.0, len(naive) * np.min(worse, axis=0))
    return Sequential(least, np.max(better, axis=0))


def _p_values(reach: Floats, gain: Floats, players: Rows, horizon: int) -> Floats:
    """p after each outcome (n,), of players who stake on `gain` in the measure of `reach`."""
    log_p = np.zeros((horizon, len(gain)))
    for player in range(horizon):
        own = np.flatnonzero(players == player)
        if not len(own):
            continue
        most = np.maximum.accumulate(_money(reach[own], gain[own], max(1, QUARTER // horizon)))
        # Between his outcomes a player's p stays what it is.
        held = np.searchsorted(own, np.arange(len(gain)), side="right") - 1
        log_p[player] = np.where(held >= 0, -most[np.maximum(held, 0)], 0.0)
    merged = log_p[0] if horizon == 1 else 1 + log_p.mean(axis=0)
    return np.asarray(np.exp(np.minimum(0.0, merged)))


def _money(reach: Floats, gain: Floats, every: int) -> Floats:
    """Logarithm of what there is after each outcome (n,), of 1 at the beginning."""
    n = len(gain)
    bet = np.minimum(np.array(STAKES)[:, None] * reach * BOUND, MOST)
    steps = np.log1p(bet * np.clip(gain, -BOUND, BOUND) / BOUND)  # (stakes, n)
    starts = range(0, n, every)
    total = np.full((len(starts) + 1, n), -np.inf)
    for number, start in enumerate(starts):
        share = 1 / ((number + 1) * (number + 2))
        grown = np.logaddexp.reduce(np.cumsum(steps[:, start:], axis=1), axis=0)
        total[number, start:] = math.log(share / len(STAKES)) + grown
    begun = np.arange(n) // every + 1
    total[-1] = -np.log(begun + 1.0)  # of those who have not begun: 1 - sum of their shares
    return np.asarray(np.logaddexp.reduce(total, axis=0))
