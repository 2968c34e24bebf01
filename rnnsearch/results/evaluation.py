"""The honest answer: the champion against doing nothing, on rows that no trial has seen.

The locked test is opened here and nowhere else. Every opening is counted in the store before the
rows are looked at; asking again about the same trials shows the first answer and opens nothing.
"""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnsearch.config import StudyFile, extremes, home
from rnnsearch.errors import StudyFileError
from rnnsearch.model.forecaster import Forecaster
from rnnsearch.model.windows import (
    Rows,
    naive_values,
    shift_columns,
    target_values,
    window_ends,
)
from rnnsearch.results.champion import (
    Candidate,
    as_plain,
    best_trials,
    complete_trials,
    refit,
    validate,
)
from rnnsearch.scoring import baselines, intervals, metrics, selection, significance
from rnnsearch.scoring.skipped import Skipped
from rnnsearch.search.packing import unpack
from rnnsearch.search.problem import Problem
from rnnsearch.search.store import Store

Floats = NDArray[np.float64]
Say = Callable[[str], None]

INTERVAL_LEVEL = 0.9


@dataclass(frozen=True, eq=False)
class TestRows:
    """The locked rows for one output shift. All (n,), in the target's unit save `origin`."""

    __test__ = False  # not a test case

    rows: Rows
    horizon: int
    actual: Floats
    naive: Floats
    origin: Floats  # price at the origin


def evaluate(
    study: StudyFile, *, top: int = 5, seeds: int = 3, again: bool = False, say: Say
) -> dict[str, Any]:
    """Choose the champion, open the test once, and say how sure the result is; plain JSON.

    Keys: champion, candidates, test, table, significance, interval, verdict, openings, basis.
    The forecasts are in the store's study attribute `evaluation` too.
    Raises NoTrialError without a complete trial, StudyFileError without test rows.
    """
    problem = Problem.load(study)
    store = Store(study, create=False)
    store.claim(study.fingerprint(), problem.data_record())
    if not len(problem.split.test):
        raise StudyFileError(
            "[split] test is 0, so there are no locked rows to evaluate on; a new study with "
            "test = 0.2 has them"
        )
    trials = best_trials(store, top)
    basis = {"trials": [trial.number for trial in trials], "seeds": seeds}
    earlier = store.study.user_attrs.get("evaluation")
    if earlier and earlier["basis"] == basis and not again:
        return dict(earlier)

    say(f"validating the best {len(trials)} trials with {seeds} seeds each")
    candidates = validate(problem, trials, seeds, say)
    say(f"refitting trial {candidates[0].trial.number} on all rows before the test")
    champion = refit(problem, candidates[0], seeds, say)
    champion.save(champion_folder(study))
    openings = int(store.study.user_attrs.get("openings", 0)) + 1
    store.note("openings", openings)
    say(f"opening the locked test (opening number {openings})")
    evaluation = _evaluate(problem, store, candidates, champion, openings) | {"basis": basis}
    store.note("evaluation", evaluation)
    return evaluation


def champion_folder(study: StudyFile) -> Path:
    return home() / "champions" / study.name


def _evaluate(
    problem: Problem,
    store: Store,
    candidates: list[Candidate],
    champion: Forecaster,
    openings: int,
) -> dict[str, Any]:
    study, winner = problem.study, candidates[0]
    test = _test_rows(problem, winner.parameters.output_shift)
    by_seed = champion.forecast_rows(problem.table, window_ends(test.rows, test.horizon))
    forecasts: dict[str, Floats] = {"champion": by_seed.mean(axis=0), "persistence": test.naive}
    fitted = _baselines(problem, winner, test)
    forecasts |= {n: f.forecast for n, f in fitted.items() if not isinstance(f, Skipped)}
    dates = problem.prices.dates
    last_known = np.diff(problem.prices.close[: test.rows[0] - test.horizon + 1])
    table = [
        {"forecast": name} | _scores(study, test, values, float(np.abs(last_known).mean()))
        for name, values in forecasts.items()
    ]
    finished = store.finished()
    against_naive = _diebold_mariano(test, forecasts, "persistence")
    tests = {
        "diebold_mariano": against_naive,
        **_against_simple_models(test, forecasts),
        **_direction(study, test, forecasts["champion"]),
        **selection_tests(problem, store),
    }
    verdict = significance.verdict(
        against_naive,
        skill=metrics.skill(test.actual, forecasts["champion"], test.naive),
        rows=len(test.rows),
        first=f"{dates[test.rows[0]]:%Y-%m-%d}",
        last=f"{dates[test.rows[-1]]:%Y-%m-%d}",
        trials=finished,
        openings=openings,
    )
    return {
        "study": study.name,
        "evaluated": time.strftime("%Y-%m-%d %H:%M:%S"),
        "champion": as_plain(winner) | {"seeds": list(champion.spec.seeds)},
        "candidates": [as_plain(candidate) for candidate in candidates],
        "trials": finished,
        "test": {
            "rows": len(test.rows),
            "first": f"{dates[test.rows[0]]:%Y-%m-%d}",
            "last": f"{dates[test.rows[-1]]:%Y-%m-%d}",
        },
        "table": table,
        "seed_skills": [metrics.skill(test.actual, forecast, test.naive) for forecast in by_seed],
        "baselines": {
            name: f.reason if isinstance(f, Skipped) else f.chosen for name, f in fitted.items()
        },
        "significance": {name: asdict(result) for name, result in tests.items()},
        "interval": _interval(study, champion, test, forecasts["champion"]),
        "verdict": asdict(verdict),
        "openings": openings,
        "dates": [f"{date:%Y-%m-%d}" for date in dates[test.rows]],
        "actual": _rounded(test.actual),
        "origin_price": _rounded(test.origin),
        "forecasts": {name: _rounded(values) for name, values in forecasts.items()},
    }


def _test_rows(problem: Problem, horizon: int) -> TestRows:
    close, kind, rows = problem.prices.close, problem.study.data.predict, problem.split.test
    return TestRows(
        rows=rows,
        horizon=horizon,
        actual=target_values(close, rows, horizon, kind),
        naive=naive_values(close, rows, horizon, kind, problem.split.refit.train),
        origin=close[rows - horizon],
    )


def _baselines(
    problem: Problem, winner: Candidate, test: TestRows
) -> dict[str, baselines.Fitted | Skipped]:
    """What simpler methods forecast for the test rows, fitted on the rows the champion was."""
    close, kind, fold = problem.prices.close, problem.study.data.predict, problem.split.refit
    parameters, h = winner.parameters, test.horizon
    columns = problem.table.columns(parameters.inputs)
    families = [problem.table.specs[column].family for column in columns]
    inputs = shift_columns(problem.table.values[:, columns], parameters.shifts(families))
    train_y = target_values(close, fold.train, h, kind)
    ends = window_ends(fold.train, h), window_ends(test.rows, h)
    if kind == "direction":
        return {
            "logistic": baselines.logistic_forecast(
                inputs, ends[0], train_y, ends[1], parameters.window, output_shift=h
            )
        }
    found = {
        "ridge": baselines.ridge_forecast(
            inputs, ends[0], train_y, ends[1], parameters.window, output_shift=h
        )
    }
    if (close > 0).all():
        growth = np.log(baselines.drift(close, test.rows, h, fold.history) / test.origin)
        found["drift"] = baselines.Fitted(growth, "", len(fold.train))
        found["arima"] = baselines.arima(close, test.rows, h, fold.history)
        if kind == "level":  # both forecast log returns
            for name in ("drift", "arima"):
                if not isinstance(fitted := found[name], Skipped):
                    prices = test.origin * np.exp(fitted.forecast)
                    found[name] = replace(fitted, forecast=prices)
    return found


def _scores(
    study: StudyFile, test: TestRows, forecast: Floats, naive_mae: float
) -> dict[str, float]:
    """Errors in the target's unit, then on prices; directions beside always-up."""
    kind = study.data.predict
    scores = metrics.score(test.actual, forecast, test.naive)
    if kind == "direction":
        keep = ("skill", "rmse", "mae", "theil_u2")
        up = test.actual > 0.5
        return {name: scores[name] for name in keep} | {
            "directional_accuracy": float(np.mean((forecast > 0.5) == up)),
            "always_up": float(up.mean()),
        }
    close = {"actual": test.actual, "forecast": forecast}
    if kind == "log_return":
        close = {name: test.origin * np.exp(values) for name, values in close.items()}
    moves = {name: prices - test.origin for name, prices in close.items()}
    prices = metrics.score(close["actual"], close["forecast"], test.origin, naive_mae=naive_mae)
    return {
        **{name: scores[name] for name in ("skill", "rmse", "mae", "r2", "theil_u2")},
        "directional_accuracy": metrics.directional_accuracy(moves["actual"], moves["forecast"]),
        "always_up": float(np.mean(moves["actual"] > 0)),
        **{f"price_{name}": prices[name] for name in ("rmse", "mae", "mape", "r2", "mase")},
    }


def _diebold_mariano(
    test: TestRows, forecasts: dict[str, Floats], other: str
) -> significance.DieboldMariano | Skipped:
    """Whether the champion's squared errors are smaller than those of another forecast."""
    losses = [(forecasts[name] - test.actual) ** 2 for name in ("champion", other)]
    return significance.diebold_mariano(losses[0], losses[1], test.horizon)


def _against_simple_models(test: TestRows, forecasts: dict[str, Floats]) -> dict[str, Any]:
    names = [name for name in ("ridge", "logistic") if name in forecasts]
    return {f"diebold_mariano_{name}": _diebold_mariano(test, forecasts, name) for name in names}


def _direction(study: StudyFile, test: TestRows, forecast: Floats) -> dict[str, Any]:
    """Pesaran-Timmermann on the forecast and actual moves from the origin."""
    match study.data.predict:
        case "log_return":
            actual = test.actual
        case "level":
            actual, forecast = test.actual - test.origin, forecast - test.origin
        case "direction":
            actual, forecast = test.actual - 0.5, forecast - 0.5
    return {"pesaran_timmermann": significance.pesaran_timmermann(actual, forecast, test.horizon)}


def selection_tests(problem: Problem, store: Store) -> dict[str, Any]:
    """What the validation errors of all complete trials say about picking the best of them."""
    naive_losses, losses = validation_losses(problem, store)
    horizon = max(extremes(problem.study.space.output_shift))
    return {
        "superior_ability": selection.spa(naive_losses, losses, horizon=horizon),
        "confidence_set": selection.model_confidence_set(losses, horizon=horizon),
        "overfitting": selection.overfitting_probability(naive_losses, losses),
    }


def validation_losses(problem: Problem, store: Store) -> tuple[Floats, Floats]:
    """Naive losses (n,) and losses (n, k) of k complete trials on the n validation rows.

    Trials of different output shifts have different naive forecasts. So a trial's loss on a row is
    a common naive loss plus its own difference: squared error minus that of its naive forecast, in
    units of the latter's mean. Its mean is one minus what its skill says about squared errors.
    """
    close, kind = problem.prices.close, problem.study.data.predict
    rows = np.concatenate([fold.validation for fold in problem.split.folds])
    trials = [
        (trial.user_attrs["parameters"]["output_shift"], unpack(trial.user_attrs["forecasts"]))
        for trial in complete_trials(store)
    ]
    actual = {h: target_values(close, rows, h, kind) for h, _ in trials}
    naive = {
        h: np.concatenate(
            [(naive_values(close, f.validation, h, kind, f.train)) for f in problem.split.folds]
        )
        for h in actual
    }
    squared = {h: (actual[h] - naive[h]) ** 2 for h in actual}
    units = {h: float(losses.mean()) or 1.0 for h, losses in squared.items()}
    common = np.mean([squared[h] / units[h] for h in actual], axis=0)
    losses = [common + ((f - actual[h]) ** 2 - squared[h]) / units[h] for h, f in trials]
    return common, np.stack(losses, axis=1)


def _interval(
    study: StudyFile, champion: Forecaster, test: TestRows, forecast: Floats
) -> dict[str, Any] | None:
    """The conformal interval from validation errors, and how much of the test it held."""
    if study.data.predict == "direction":
        return None
    radius = intervals.conformal_radius(champion.errors, 1 - INTERVAL_LEVEL)
    if isinstance(radius, Skipped):
        return None
    held = intervals.coverage(test.actual, forecast - radius, forecast + radius, 1 - INTERVAL_LEVEL)
    return {"radius": radius} | asdict(held)


def _rounded(values: Floats) -> list[float]:
    """Seven digits: enough for a plot and a CSV, and half the size."""
    return [float(f"{value:.7g}") for value in values]
