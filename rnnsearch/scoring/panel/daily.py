"""The order that a trial's forecasts give the series of a date, on validation rows."""

from collections.abc import Sequence

import numpy as np

from rnnsearch.arrays import Floats
from rnnsearch.scoring.metrics import Scored
from rnnsearch.scoring.panel.ranks import mean_rank_ic
from rnnsearch.scoring.parts import Part


def ordered(parts: Sequence[Part]) -> float | None:
    """Mean daily rank IC (`ranks.mean_rank_ic`) of the forecasts.

    Moves are shares of the price where the target says them, of a direction by what a move usually
    was; what says nothing of the price is ordered as it is. Series with prices that are not above 0
    are left out. None of one series, and where there are too few dates.
    """
    days, forecasts, actuals = [], [], []
    for part in parts:
        if part.days is None:
            return None
        s = part.scored
        if s.target.priced and not ((s.origin > 0).all() and (s.prices.actual > 0).all()):
            continue
        days.append(part.days)
        forecasts.append(_moves(s, s.forecast))
        actuals.append(_moves(s, s.actual))
    if not days:
        return None
    return mean_rank_ic(np.concatenate(days), np.concatenate(forecasts), np.concatenate(actuals))


def _moves(scored: Scored, values: Floats) -> Floats:
    if (scored.origin <= 0).any():
        return values
    moves = scored.target.move(values, scored.origin, scored.moved / scored.origin)
    return values if moves is None else moves
