"""The champion and simpler forecasts side by side, on the rows they are given.

    n  rows      h  output shift of the champion

Everything that is fitted here is fitted on the rows before the test. Nothing here decides whether
the locked rows may be looked at: that is `evaluation`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rnnsearch import targets
from rnnsearch.arrays import Floats, Rows
from rnnsearch.model.forecasting.forecaster import Forecaster
from rnnsearch.model.windows import Fold, window_ends
from rnnsearch.scoring import baselines, directions, intervals, metrics, significance
from rnnsearch.scoring.information import information
from rnnsearch.scoring.skipped import Skipped
from rnnsearch.search.problem import Problem
from rnnsearch.search.trial.folds import shifted_inputs
from rnnsearch.search.trial.parameters import TrialParameters
from rnnsearch.targets import Quotes, Target, TargetScale

INTERVAL_LEVEL = 0.9


@dataclass(frozen=True, eq=False)
class ScoredRows:
    """Target rows and what came true there. All (n,), in the target's unit save `origin`.

    naive    the naive forecasts by name, and `hardest`, which of them errs least here
    known    what is known at the origins without learning, and varies
    cut      where a forecast says neither up nor down once the training mean is taken off
    moves    how far the price went: log returns, or differences of prices that are not above 0
    pieces   what each session after the origin brings (h, n); None where targets have no parts
    """

    rows: Rows
    horizon: int
    target: Target
    actual: Floats
    naive: dict[str, Floats]
    hardest: str
    origin: Floats  # price at the origin
    naive_mae: float  # mean absolute price change over `horizon` sessions before the rows
    average: float  # of the targets of the training rows
    known: list[Floats]
    pieces: Floats | None
    cut: Floats
    moves: Floats

    @property
    def hardest_naive(self) -> Floats:
        return self.naive[self.hardest]

    def scored(self, forecast: Floats) -> metrics.Scored:
        """What a metric is asked of a forecast (n,)."""
        return metrics.Scored(
            actual=self.actual,
            forecast=forecast,
            naive=self.naive,
            hardest=self.hardest_naive,
            origin=self.origin,
            target=self.target,
            moved=self.naive_mae,
        )


def scored_rows(
    quotes: Quotes, rows: Rows, horizon: int, target: Target, train: Rows
) -> ScoredRows:
    """`train`: the target rows that naive forecasts learn averages from."""
    past = quotes.target[: rows[0] - horizon + 1]
    actual = target.values(quotes.target, rows, horizon)
    naive = targets.naive_forecasts(target, quotes, rows, horizon, train)
    place, _ = targets.hardest(actual, list(naive.values()))
    origin, middle = quotes.target[rows - horizon], target.reference(quotes.target[rows - horizon])
    learnt = target.values(quotes.target, train, horizon) - target.reference(
        quotes.target[train - horizon]
    )
    later = quotes.target[rows]
    positive = (origin > 0).all() and (later > 0).all()
    return ScoredRows(
        rows=rows,
        horizon=horizon,
        target=target,
        actual=actual,
        naive=naive,
        hardest=list(naive)[place],
        origin=origin,
        naive_mae=float(np.abs(past[horizon:] - past[:-horizon]).mean()),
        average=float(target.values(quotes.target, train, horizon).mean()),
        known=target.known(quotes, rows, horizon),
        pieces=target.pieces(quotes, rows, horizon),
        cut=middle + (float(learnt.mean()) if len(learnt) else 0.0),
        moves=np.log(later / origin) if positive else later - origin,
    )


def simple_forecasts(
    problem: Problem,
    parameters: TrialParameters,
    test: ScoredRows,
    taught: TargetScale,
    say: Callable[[str], None],
) -> dict[str, baselines.Fitted | Skipped]:
    """What simpler methods forecast for the test rows, fitted on the rows the champion was.

    In the target's unit. Those that learn from inputs see the champion's windows and inputs, and
    learn what it was `taught`.
    """
    task = _task(problem, parameters, test, problem.split.refit, taught)
    return baselines.run(task, say, problem.baselines)


def try_own_baselines(problem: Problem, parameters: TrialParameters, taught: TargetScale) -> None:
    """The study's own baselines on the last validation rows: a fault costs no opening of the test.

    Raises StudyFileError.
    """
    if own := problem.own_baselines:
        fold, target = problem.split.folds[-1], problem.target
        rows, h = fold.validation, parameters.output_shift
        test = scored_rows(problem.prices.quotes, rows, h, target, fold.train)
        baselines.try_own(own, _task(problem, parameters, test, fold, taught))


def _task(
    problem: Problem,
    parameters: TrialParameters,
    test: ScoredRows,
    fold: Fold,
    taught: TargetScale,
) -> baselines.Task:
    """What baselines are asked of these rows, fitted on the fold's."""
    close, h, priced = problem.prices.close, test.horizon, test.target.priced
    scales = None
    if taught.start != "none":
        learnt, said = (
            taught.at(problem.prices.quotes, rows - h) for rows in (fold.train, test.rows)
        )
        scales = (lambda y: learnt.scale_values(y).astype(np.float64)), said.unscale
    return baselines.Task(
        prices=close,
        history=fold.history,
        inputs=shifted_inputs(parameters, problem.table),
        window=parameters.window,
        horizon=h,
        train_rows=fold.train,
        train_targets=test.target.values(close, fold.train, h),
        test_rows=test.rows,
        probability=not priced,
        from_growth=(lambda g: test.target.from_growth(g, test.origin)) if priced else None,
        scales=scales,
    )


def tests_of_the_champion(
    test: ScoredRows, forecasts: dict[str, Floats], known: Sequence[baselines.Baseline]
) -> dict[str, Any]:
    """Does the champion carry information, is it better than doing nothing and than what else
    learns from its inputs, and are its directions right, and worth following, by more than chance?

    `known`: the baselines that there are.
    """
    champion = forecasts["champion"]

    def against(other: Floats) -> significance.DieboldMariano | Skipped:
        losses, others = (champion - test.actual) ** 2, (other - test.actual) ** 2
        return significance.diebold_mariano(losses, others, test.horizon)

    rivals = [one.name for one in known if one.rival and one.name in forecasts]
    middle = test.target.reference(test.origin)
    return {
        "information": information(
            test.actual, champion, test.known, test.pieces, test.horizon, test.average
        ),
        "diebold_mariano": significance.hardest(map(against, test.naive.values())),
        **{f"diebold_mariano_{name}": against(forecasts[name]) for name in rivals},
        "pesaran_timmermann": significance.pesaran_timmermann(
            test.actual - middle, champion - test.cut, test.horizon
        ),
        "excess_profitability": directions.excess_profitability(
            test.moves, champion > test.cut, test.horizon
        ),
    }


def interval(champion: Forecaster, problem: Problem, test: ScoredRows) -> dict[str, Any] | None:
    """The champion's intervals on the test rows, and how many outcomes they held.

    Keys: promised, share, rows, quarters (of the test: first, last, rows, share, width), width (the
    mean), narrowest, widest, unit (of widths: "share" of the price at the origin, or "price"), and
    low and high (n,) in the target's unit. None where there is no interval.
    """
    if not test.target.priced:
        return None
    origins = window_ends(test.rows, test.horizon)
    _, low, high = champion.intervals(problem.prices, problem.table, origins, INTERVAL_LEVEL)
    if not (np.isfinite(low) & np.isfinite(high)).all():
        return None
    least, most = (test.target.to_price(bound, test.origin) for bound in (low, high))
    shares = bool((test.origin > 0).all())
    unit, widths = ("share", (most - least) / test.origin) if shares else ("price", most - least)

    def told(part: Rows) -> dict[str, Any]:
        held = intervals.coverage(test.actual[part], low[part], high[part], 1 - INTERVAL_LEVEL)
        return {"rows": held.rows, "share": held.share, "width": float(widths[part].mean())}

    dates, every = problem.prices.dates[test.rows], np.arange(len(test.rows))
    return {
        "promised": INTERVAL_LEVEL,
        **told(every),
        "narrowest": float(widths.min()),
        "widest": float(widths.max()),
        "unit": unit,
        "quarters": [
            {"first": f"{dates[part[0]]:%Y-%m-%d}", "last": f"{dates[part[-1]]:%Y-%m-%d}"}
            | told(part)
            for part in np.array_split(every, 4)
            if len(part)
        ],
        "low": [float(f"{value:.7g}") for value in low],
        "high": [float(f"{value:.7g}") for value in high],
    }
