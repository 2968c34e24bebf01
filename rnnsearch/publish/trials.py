"""What the runs of single trials get beside their curves: forecasts of the best, and the champion.

The forecasts are those of the validation rows, which the search scored them by, with what came and
what doing nothing said; so a trial can be looked into without training it again.
"""

import csv
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rnnsearch import targets
from rnnsearch.arrays import Floats
from rnnsearch.data.scratch import scratch
from rnnsearch.model.paths import apart, later
from rnnsearch.search.problem import Problem
from rnnsearch.search.store.view import TrialView, best_first, trained
from rnnsearch.tracking import Experiment

BEST = 5
"""Trials whose forecasts are shown."""

FOLDER, FILE = "validation", "forecasts.csv"
LOGGED = "rnnsearch.forecasts"
"""Tag of a run that has them."""


def publish_trials(
    experiment: Experiment,
    problem: Problem,
    trials: Sequence[TrialView],
    *,
    scoring: int,
    champion: int | None = None,
) -> None:
    """Give the best trials' runs their forecasts, each once; name the champion's run, if there is
    a champion. Talks to the server and may raise."""
    for trial in best_first(trained(trials))[:BEST]:
        for run in experiment.runs(trial.number)[:1]:
            if LOGGED in run.data.tags:
                continue
            with tempfile.TemporaryDirectory(dir=scratch()) as name:
                path = Path(name) / FILE
                _write(path, forecast_rows(problem, trial, scoring))
                experiment.client.log_artifact(run.info.run_id, str(path), FOLDER)
            experiment.client.set_tag(run.info.run_id, LOGGED, "yes")
    if champion is not None:
        experiment.name_champion(champion)


def forecast_rows(problem: Problem, trial: TrialView, scoring: int) -> list[dict[str, Any]]:
    """A row per validation row: fold, target date, price at the origin, what came, the forecast,
    and what each naive forecast said, in the target's unit.

    Of a path each step has its rows, and `sessions_ahead` says which.
    """
    steps = apart(trial.forecasts, problem.steps)
    if len(steps) == 1:
        return _step_rows(problem, trial.output_shift, 0, steps[0], scoring)
    return [
        {"sessions_ahead": trial.output_shift + step} | row
        for step, said in enumerate(steps)
        for row in _step_rows(problem, trial.output_shift + step, step, said, scoring)
    ]


def _step_rows(
    problem: Problem, ahead: int, step: int, said: Floats, scoring: int
) -> list[dict[str, Any]]:
    split, target = problem.split, problem.target
    quotes, dates = problem.prices.quotes, problem.prices.dates
    forecasts = iter(said.tolist())
    rows: list[dict[str, Any]] = []
    for number, fold in enumerate((later(one, step) for one in split.folds), start=1):
        known = {
            "origin_price": quotes.target[fold.validation - ahead],
            "actual": target.values(quotes.target, fold.validation, ahead),
        }
        naive = targets.naive_forecasts(target, quotes, fold.validation, ahead, fold.train, scoring)
        for place, row in enumerate(fold.validation):
            rows.append(
                {
                    "fold": number,
                    "target_date": f"{dates[row]:%Y-%m-%d %H:%M}".removesuffix(" 00:00"),
                    **{name: float(values[place]) for name, values in known.items()},
                    "forecast": next(forecasts),
                    **{name: float(values[place]) for name, values in naive.items()},
                }
            )
    return rows


def _write(path: Path, rows: list[dict[str, Any]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
