"""The champion and simpler forecasts side by side, on the rows they are given.

    n  rows      h  output shift of the champion      s  seeds

Everything that is fitted here is fitted on the rows before the test. Nothing here decides whether
the locked rows may be looked at: that is `evaluation`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from rnnsearch import targets
from rnnsearch.arrays import Floats, Rows, rounded
from rnnsearch.model.forecasting.forecaster import Forecaster
from rnnsearch.model.paths import apart, later
from rnnsearch.model.windows import Fold, window_ends
from rnnsearch.scoring import baselines, directions, held, metrics
from rnnsearch.scoring.inference import significance
from rnnsearch.scoring.inference.information import information
from rnnsearch.scoring.inference.skipped import Skipped
from rnnsearch.scoring.quantiles import Fan, naive_fans, told
from rnnsearch.search.problem import Problem
from rnnsearch.search.trial.parameters import TrialParameters
from rnnsearch.search.trial.refits import baseline_task
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
    average: float | Floats  # of the targets of the training rows; (n,) where these are refitted
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


@dataclass(frozen=True, eq=False)
class Line:
    """One way through the rows: what the champion said there, and what simpler methods did.

    by_seed  (s, n) of each of the champion's networks
    simple   in the target's unit, or why there is nothing
    fan      the quantiles that they say, their mean; None where they say points
    """

    test: ScoredRows
    by_seed: Floats
    simple: dict[str, baselines.Fitted | Skipped]
    fan: Fan | None = None

    @property
    def champion(self) -> Floats:
        return np.asarray(self.by_seed.mean(axis=0), dtype=np.float64)

    @property
    def fitted(self) -> dict[str, baselines.Fitted]:
        """Those of the simpler methods that have forecasts."""
        return {name: one for name, one in self.simple.items() if not isinstance(one, Skipped)}

    @property
    def forecasts(self) -> dict[str, Floats]:
        """All (n,) by name, the champion's first."""
        simple = {name: fitted.forecast for name, fitted in self.fitted.items()}
        return {"champion": self.champion, **self.test.naive, **simple}


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


def one_fit(
    problem: Problem,
    parameters: TrialParameters,
    champion: Forecaster,
    say: Callable[[str], None],
    step: int = 0,
) -> Line:
    """The locked rows, from what was fitted once on the rows before them; of a path, a step."""
    h, fold = parameters.output_shift + step, later(problem.split.refit, step)
    quotes, target = problem.prices.quotes, problem.target
    test = scored_rows(quotes, problem.split.test + step, h, target, fold.train)
    origins, levels = window_ends(test.rows, h), parameters.quantiles
    fan = None
    if levels:
        naive = naive_fans(target, quotes, test.rows, h, fold.train, levels)
        told = champion.said(problem.table, champion.quotes(problem.prices), origins)
        fan = Fan(levels, told.mean(axis=0), naive)
    said = champion.forecast_rows(problem.prices, problem.table, origins)
    one = replace(parameters, output_shift=h, steps=1)
    return Line(
        test,
        np.stack([apart(each, problem.steps)[step] for each in said]),
        simple_forecasts(problem, one, test, champion.target_scales[step], say, fold),
        fan,
    )


def simple_forecasts(
    problem: Problem,
    parameters: TrialParameters,
    test: ScoredRows,
    taught: TargetScale,
    say: Callable[[str], None],
    fold: Fold | None = None,
) -> dict[str, baselines.Fitted | Skipped]:
    """What simpler methods forecast for the test rows, fitted on the rows the champion was.

    In the target's unit. Those that learn from inputs see the champion's windows and inputs, and
    learn what it was `taught`.
    """
    task = _task(problem, parameters, test, fold or problem.split.refit, taught)
    return baselines.run(task, say, problem.baselines)


def try_own_baselines(problem: Problem, parameters: TrialParameters, taught: TargetScale) -> None:
    """The study's own baselines on the last validation rows: a fault costs no opening of the test.

    Raises StudyFileError.
    """
    if own := problem.own_baselines:
        baselines.try_own(own, _on_validation_rows(problem, parameters, taught))


def rehearsed(
    problem: Problem, parameters: TrialParameters, taught: TargetScale
) -> dict[str, float]:
    """The baselines that there are, and the seconds that a fit of each takes: on the last
    validation rows, which opens nothing."""
    task = _on_validation_rows(problem, parameters, taught)
    found = baselines.run(task, lambda _: None, problem.baselines)
    return {
        name: 0.0 if isinstance(fitted, Skipped) else fitted.seconds
        for name, fitted in found.items()
    }


def _on_validation_rows(
    problem: Problem, parameters: TrialParameters, taught: TargetScale
) -> baselines.Task:
    fold, target = problem.split.folds[-1], problem.target
    rows, h = fold.validation, parameters.output_shift
    test = scored_rows(problem.prices.quotes, rows, h, target, fold.train)
    return _task(problem, parameters, test, fold, taught)


def _task(
    problem: Problem,
    parameters: TrialParameters,
    test: ScoredRows,
    fold: Fold,
    taught: TargetScale,
) -> baselines.Task:
    """What baselines are asked of these rows, fitted on the fold's."""
    return baseline_task(
        problem.table, problem.prices.quotes, test.target, parameters, fold, test.rows, taught
    )


def tests_of_the_champion(
    test: ScoredRows,
    forecasts: dict[str, Floats],
    known: Sequence[baselines.Baseline],
    beside: Sequence[str],
) -> dict[str, Any]:
    """Does the champion carry information, is it better than doing nothing and than what else
    learns from its inputs, and are its directions right, and worth following, by more than chance?

    `known`: the baselines that there are; it is tested against the forecasts `beside` it, too.
    """
    champion = forecasts["champion"]

    def against(other: Floats) -> significance.DieboldMariano | Skipped:
        losses, others = (champion - test.actual) ** 2, (other - test.actual) ** 2
        return significance.diebold_mariano(losses, others, test.horizon)

    rivals = [one.name for one in known if one.rival and one.name in forecasts]
    rivals += beside
    return {
        "information": information(
            test.actual, champion, test.known, test.pieces, test.horizon, test.average
        ),
        "diebold_mariano": significance.hardest(map(against, test.naive.values())),
        **{f"diebold_mariano_{name}": against(forecasts[name]) for name in rivals},
        **(_of_directions(test, champion) if test.target.directed else {}),
    }


def _of_directions(test: ScoredRows, champion: Floats) -> dict[str, Any]:
    middle = test.target.reference(test.origin)
    return {
        "pesaran_timmermann": significance.pesaran_timmermann(
            test.actual - middle, champion - test.cut, test.horizon
        ),
        "excess_profitability": directions.excess_profitability(
            test.moves, champion > test.cut, test.horizon
        ),
    }


def quantiles(line: Line) -> dict[str, Any] | None:
    """How good the quantiles are, as `scoring.quantiles.told` has it, beside the CRPS of points.

    Further keys: points (forecast -> CRPS, which is its MAE), values (n, Q) in the target's unit.
    None where points were forecast.
    """
    if line.fan is None:
        return None
    actual = line.test.actual
    points = {name: metrics.mae(actual, said) for name, said in line.forecasts.items()}
    values = [rounded(row) for row in line.fan.values]
    return told(actual, line.fan) | {"points": points, "values": values}


def interval(
    champion: Forecaster, problem: Problem, test: ScoredRows, said: Floats, step: int = 0
) -> dict[str, Any] | None:
    """The intervals of what was `said` (n,) on the test rows, and how many outcomes they held.

    They begin with the champion's validation errors, and learn from those of what was said.

    Keys: those of `held.told`, and low and high (n,) in the target's unit. None where there is no
    interval.
    """
    if test.target.chance:
        return None
    origins = window_ends(test.rows, test.horizon)
    _, low, high = champion.intervals(
        problem.prices, problem.table, origins, INTERVAL_LEVEL, said=said, step=step
    )
    dates = problem.prices.dates[test.rows].to_numpy("datetime64[us]")
    bands = held.Bands.of(test.target, test.origin, test.actual, low, high, dates)
    if bands is None:
        return None
    arrays = {"low": rounded(low), "high": rounded(high)}
    return held.told([bands], INTERVAL_LEVEL) | arrays


def told_of_simple(
    problem: Problem, simple: Mapping[str, baselines.Fitted | Skipped], say: Callable[[str], None]
) -> dict[str, Any]:
    """What an answer says of the simpler methods, and of what others brought to measure by."""
    target = problem.target
    brought, reasons = metrics.brought()
    for reason in reasons:
        say(reason)
    own_metrics = {
        one.key: one.plain()
        for one in (*brought.values(), *problem.own_metrics)
        if one.applies(target)
    }
    own_baselines = {
        one.name: {"meaning": one.meaning, "rival": one.rival}
        for one in problem.own_baselines
        if one.name in simple
    }
    return {
        **({"own_metrics": own_metrics} if own_metrics else {}),
        **({"own_baselines": own_baselines} if own_baselines else {}),
        **({"hurdle": target.hurdle} if target.hurdle else {}),
        **({"naive_meanings": meanings} if (meanings := dict(target.naive_meanings)) else {}),
        "baselines": {
            name: fitted.reason if isinstance(fitted, Skipped) else fitted.chosen
            for name, fitted in simple.items()
        },
        "baseline_seconds": {
            name: round(fitted.seconds, 2)
            for name, fitted in simple.items()
            if not isinstance(fitted, Skipped)
        },
    }


def once(say: Callable[[str], None]) -> Callable[[str], None]:
    """`say` that says nothing twice: a metric fails on every row of a table."""
    said: set[str] = set()

    def telling(text: str) -> None:
        if text not in said:
            said.add(text)
            say(text)

    return telling
