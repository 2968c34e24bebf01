"""What is held: from the forecasts of n origins to the exposure of each session.

    n  origins, one session after the other     h  sessions from an origin to its target
    m  sessions in which something may be held: m = n + h - 1     k  forecasts side by side

A position is a share of the capital: 1 is all of it in the series, -1 as much sold short, 0 cash.
Of origin i nothing is used here but what was known there.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from rnnsearch.arrays import Floats
from rnnsearch.language import marked


@dataclass(frozen=True, eq=False)
class Said:
    """What was forecast, and what it costs to follow it.

    moves     how far the price goes until the target's date, as a share of it: (n, k)
    usual     how far it usually goes in as many sessions, known at the origin: (n,), above 0
    charges   what buying and selling again costs of the price, of a long and of a short position
    """

    moves: Floats
    usual: Floats
    charges: tuple[float, float]


@dataclass(frozen=True)
class Rule:
    """From a forecast to the position that it wants: (n, k), each from -1 to 1.

    `words` follow "traded".
    """

    name: str
    words: str
    wanted: Callable[[Said], Floats]


def _sign(said: Said) -> Floats:
    return np.sign(said.moves)


def _scaled(said: Said) -> Floats:
    """Half of the capital on a usual forecast, all of it on one that is twice as strong."""
    strength = said.moves / said.usual[:, None]
    so_far = np.abs(strength).cumsum(axis=0) / np.arange(1, len(strength) + 1)[:, None]
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.nan_to_num(np.clip(strength / (2 * so_far), -1, 1))


def _beyond_costs(said: Said) -> Floats:
    long, short = said.charges
    return np.where(said.moves > long, 1.0, np.where(said.moves < -short, -1.0, 0.0))


RULES = {
    rule.name: rule
    for rule in (
        Rule("sign", marked("by the sign of each forecast"), _sign),
        Rule("scaled", marked("in proportion to each forecast over volatility"), _scaled),
        Rule("costs", marked("where the forecast exceeds what trading it costs"), _beyond_costs),
    )
}

SIDES: dict[str, tuple[float, float]] = {"long_short": (-1.0, 1.0), "long_only": (0.0, 1.0)}
"""The least and the most that may be held."""


def tranches(wanted: Floats, h: int) -> Floats:
    """The exposure of each session: (n, k) -> (m, k).

    Each origin's position is a tranche of 1/h of the capital that is held for h sessions, so h of
    them overlap (Jegadeesh & Titman 1993, Returns to buying winners and selling losers).
    """
    summed = np.concatenate([np.zeros((1, wanted.shape[1])), wanted.cumsum(axis=0)])
    last = np.arange(1, len(wanted) + h)
    held = summed[np.minimum(last, len(wanted))] - summed[np.maximum(last - h, 0)]
    # Sums of whole positions are whole: a difference of cumulated ones is rounded to that.
    exposure: Floats = np.round(held, 12) / h
    return exposure
