"""The locked rows of many series beside each other by date, and what was said of them.

S  series with rows      D  dates of the targets      h  output shift
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from rnnsearch import targets
from rnnsearch.arrays import Floats, Rows
from rnnsearch.data.inputs.table import InputTable
from rnnsearch.model.forecasting.forecaster import Forecaster
from rnnsearch.model.forecasting.pooled import PooledForecaster
from rnnsearch.model.windows import window_ends
from rnnsearch.scoring.held import Bands
from rnnsearch.scoring.metrics import Scored
from rnnsearch.scoring.panel.tests import Rated
from rnnsearch.scoring.volatility import recent_size
from rnnsearch.search.problem import Problem
from rnnsearch.targets import Quotes, Target
from rnnsearch.verdict.comparison import INTERVAL_LEVEL


@dataclass(frozen=True, eq=False)
class Locked:
    """One series' locked rows.

    name     of the series
    rows     (n,) in the panel
    stretch  all rows of the series there
    by_seed  (seeds, n) in the target's unit
    scored   the forecast of all seeds together, and what it is held to
    unit, centre  as of `tests.Rated`
    bands    the intervals that `predict` would have told; None where it would none
    """

    name: str
    rows: Rows
    stretch: slice
    by_seed: Floats
    scored: Scored
    hardest: str
    unit: float
    centre: float
    bands: Bands | None = None


@dataclass(frozen=True, eq=False)
class LockedRows:
    """Those of all series that have any."""

    problem: Problem
    horizon: int
    series: tuple[Locked, ...]

    @property
    def target(self) -> Target:
        return self.problem.target

    @cached_property
    def dates(self) -> NDArray[np.datetime64]:
        """(D,) of all sessions from the first origin on, increasing."""
        every = self._every_date
        first = min(every[one.rows[0] - self.horizon] for one in self.series)
        return np.unique(every[every >= first])

    @cached_property
    def _every_date(self) -> NDArray[np.datetime64]:
        """(rows,) of the panel."""
        return self.problem.prices.dates.to_numpy("datetime64[us]")

    def _places(self, rows: Rows) -> Rows:
        """Where the dates of rows of the panel stand among `dates`."""
        return np.searchsorted(self.dates, self._every_date[rows])

    @cached_property
    def rated(self) -> tuple[Rated, ...]:
        """What the tests are asked."""
        quotes, h = self.problem.prices.quotes, self.horizon
        found = []
        for one in self.series:
            pieces = self.target.pieces(quotes, one.rows, h)
            sessions = None
            if pieces is not None:
                steps = one.rows[None, :] - h + np.arange(1, h + 1)[:, None]
                sessions = self._places(steps)
            found.append(
                Rated(
                    dates=self._places(one.rows),
                    actual=one.scored.actual,
                    forecast=one.scored.forecast,
                    hardest=one.scored.hardest,
                    unit=one.unit,
                    centre=one.centre,
                    known=self.target.known(quotes, one.rows, h),
                    pieces=pieces,
                    sessions=sessions,
                )
            )
        return tuple(found)

    def against(self, others: Sequence[Floats]) -> list[Rated]:
        """The same, with another's forecasts (n,) of each series in the place of doing nothing."""
        return [replace(one, hardest=other) for one, other in zip(self.rated, others, strict=True)]

    def moves(self) -> tuple[Floats, Floats]:
        """(dates, S) how far each price was forecast to go, and went, from each origin; NaN where
        nothing was. As shares of the price: of what is not above 0 there are none."""
        closes, h = self.problem.prices.closes, self.horizon
        forecast, actual = (np.full((len(self.dates), len(self.series)), np.nan) for _ in range(2))
        for place, one in enumerate(self.series):
            origins = one.rows - h
            if (closes[origins] <= 0).any() or (closes[one.rows] <= 0).any():
                continue
            begins = one.stretch.start
            changes = np.diff(np.log(np.maximum(closes[begins : int(origins[-1]) + 1], 1e-300)))
            usual = recent_size(changes, one.unit)[origins - begins] * np.sqrt(h)
            said = self.target.move(one.scored.forecast, closes[origins], usual)
            if said is None:
                continue
            at = self._places(origins)
            forecast[at, place] = said
            actual[at, place] = closes[one.rows] / closes[origins] - 1
        return forecast, actual

    def returns(self) -> Floats:
        """(dates, S) of each series on a date since its session before; NaN where it has none."""
        closes = self.problem.prices.closes
        found = np.full((len(self.dates), len(self.series)), np.nan)
        for place, one in enumerate(self.series):
            rows = np.arange(int(one.rows[0]) - self.horizon + 1, one.stretch.stop)
            if (closes[rows - 1] > 0).all():
                found[self._places(rows), place] = closes[rows] / closes[rows - 1] - 1
        return found


def locked_rows(problem: Problem, champion: PooledForecaster, horizon: int) -> LockedRows:
    """What the champion says of the locked rows of every series, which are looked at here."""
    panel, quotes, target = problem.panel, problem.prices.quotes, problem.target
    assert panel is not None
    test, found = problem.split.test, []
    owners = panel.owners(test)
    for part in problem.split.refit.parts:
        rows = test[owners == part.series]
        if not len(rows):
            continue
        name = panel.series[part.series]
        own = champion.of(name)
        stretch = slice(part.begins, int(panel.begins[part.series + 1]))
        table = replace(problem.table, values=problem.table.values[stretch], coming=None)
        close = None if quotes.close is None else quotes.close[stretch]
        alone = Quotes(quotes.target[stretch], close)
        by_seed = own.forecast_quoted(table, alone, rows - horizon - part.begins)
        naive = targets.naive_forecasts(target, quotes, rows, horizon, part.train)
        actual = target.values(quotes.target, rows, horizon)
        hardest = list(naive)[targets.hardest(actual, list(naive.values()))[0]]
        taught = target.values(quotes.target, part.train, horizon)
        past = quotes.target[part.begins : rows[0] - horizon + 1]
        scored = Scored(
            actual=actual,
            forecast=np.asarray(by_seed.mean(axis=0), dtype=np.float64),
            naive=naive,
            hardest=naive[hardest],
            origin=quotes.target[rows - horizon],
            target=target,
            moved=float(np.abs(past[horizon:] - past[:-horizon]).mean()),
        )
        middle = target.reference(quotes.target[part.train - horizon])
        spread = float(np.sqrt(np.mean((taught - middle) ** 2)))
        found.append(
            Locked(
                name,
                rows,
                stretch,
                by_seed,
                scored,
                hardest,
                unit=spread if spread > 0 else 1.0,
                centre=float(taught.mean()),
                bands=_bands(problem, own, name, table, scored, rows - part.begins, horizon),
            )
        )
    return LockedRows(problem, horizon, tuple(found))


def _bands(
    problem: Problem,
    own: Forecaster,
    name: str,
    table: InputTable,
    scored: Scored,
    rows: Rows,
    horizon: int,
) -> Bands | None:
    """`rows` (n,) within the series."""
    if scored.target.chance:
        return None
    assert problem.panel is not None
    prices = problem.panel.each[name]
    _, low, high = own.intervals(
        prices, table, window_ends(rows, horizon), INTERVAL_LEVEL, said=scored.forecast
    )
    dates = prices.dates[rows].to_numpy("datetime64[us]")
    return Bands.of(scored.target, scored.origin, scored.actual, low, high, dates)
