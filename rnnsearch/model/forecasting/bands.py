"""How wide a forecast's interval is on each session: so many times what a usual move is then.

Errors are large in a storm and small in a calm, so an interval that is a multiple of the usual
move is wide when it has to be, and narrow when it may be.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np

from rnnsearch.arrays import Floats, Rows
from rnnsearch.data.inputs.own import relative_change
from rnnsearch.scoring.inference.skipped import Skipped
from rnnsearch.scoring.intervals import adaptive_radii, conformal_radius
from rnnsearch.scoring.volatility import recent_size
from rnnsearch.targets import Target

SMALLEST = 0.1  # of the usual size in the history: after unchanged prices a move is still possible


@dataclass(frozen=True)
class Moves:
    """Fitted on the history, so that no later price decides what an earlier one means.

    relative   whether moves are measured in shares of the price (all of the history lies above 0)
    in_prices  whether they are told in the unit of the prices, not as log returns
    usual      root mean square of the history's moves over one session
    """

    relative: bool
    in_prices: bool
    usual: float

    @classmethod
    def fit(cls, history: Floats, target: Target) -> Self:
        """`history` (rows,): prices that are known."""
        relative = bool((history > 0).all())
        changes = _changes(history, relative)
        usual = float(np.sqrt(np.mean(np.square(changes)))) if len(changes) else 0.0
        return cls(relative, target.in_prices, usual if usual > 0 else 1.0)

    def at(self, close: Floats) -> Floats:
        """(rows,) the usual move over one session, in the target's unit, known at each row."""
        sizes = recent_size(_changes(close, self.relative), self.usual)
        sizes = np.maximum(sizes, SMALLEST * self.usual)
        return sizes * np.abs(close) if self.relative and self.in_prices else sizes


def _changes(close: Floats, relative: bool) -> Floats:
    return relative_change(close[1:], close[:-1]) if relative else np.diff(close)


def radii(
    close: Floats,
    origins: Rows,
    forecast: Floats,
    *,
    calibration: Floats,
    moves: Moves,
    since: int,
    horizon: int,
    target: Target,
    alpha: float,
) -> Floats:
    """Half the width of n forecasts' intervals, in the target's unit: (n,); NaN where untold.

    close        (rows,) all prices that are there: of the targets among them the errors count, each
                 from the session on which it was known
    origins      (n,) increasing; the last `since` have no gap and were forecast after the training
                 ended: only of these the errors count
    forecast     (n,) in the target's unit
    calibration  (m,) validation errors, as multiples of the usual move when they were forecast
    """
    scales = moves.at(close)[origins]
    known = origins + horizon < len(close)
    actual = target.values(close, origins[known] + horizon, horizon)
    scores = np.full(len(origins), np.nan)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):  # a price of exactly 0
        scores[known] = (forecast[known] - actual) / scales[known]
    before = conformal_radius(calibration, alpha)
    early = len(origins) - since
    adapted = adaptive_radii(calibration, scores[early:], delay=horizon, alpha=alpha)
    if isinstance(before, Skipped) or isinstance(adapted, Skipped):
        return np.full(len(origins), np.nan)
    found = scales * np.concatenate([np.full(early, before), adapted])
    return np.where(np.isfinite(found), found, np.nan)


def scales_of_validation(history: Floats, errors: int, horizon: int, target: Target) -> Floats:
    """The usual moves (m,) at the origins of a history's last m targets.

    Champions of earlier hold validation errors without scales; they are those of these rows.
    """
    first = len(history) - errors - horizon
    return Moves.fit(history, target).at(history)[first : first + errors]
