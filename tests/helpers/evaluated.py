"""Evaluated studies and fitted forecasters for tests, made in this process in a few seconds."""

import contextlib
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pandas as pd
import pytest
import torch

from rnnsearch import cli
from rnnsearch.config import StudyFile, load_study
from rnnsearch.model.forecasting.forecaster import Forecaster
from rnnsearch.model.paths import shaped
from rnnsearch.search import searching as study_module
from rnnsearch.search.problem import Problem
from rnnsearch.search.store.view import TrialView
from rnnsearch.search.trial.folds import TrialData
from rnnsearch.search.trial.packing import unpack
from rnnsearch.search.trial.parameters import TrialParameters
from rnnsearch.search.trial.protocol import Outcome
from rnnsearch.search.trial.runner import run_trial
from rnnsearch.verdict.champion import Candidate, validation_value
from rnnsearch.verdict.evaluation import evaluate
from rnnsearch.verdict.refit import refit
from tests.helpers.searches import Notes, write_study

PARAMETERS: dict[str, Any] = {
    "cell": "lstm",
    "neurons": [4],
    "dropout": 0.0,
    "window": 3,
    "epochs": 2,
    "batch_size": 64,
    "learning_rate": 3e-3,
    "optimizer": "adam",
    "weight_decay": 0.0,
    "averaging": False,
    "scaler": "standard",
    "input_shift": 0,
    "output_shift": 2,
    "inputs": ["return"],
    "clip": 1.0,
    "seed": 3,
}

BARS: dict[str, dict[str, Any]] = {
    "data": {"path": "bars.csv"},
    "inputs": {"indicators": ["price", "momentum_rsi", "volume_obv"]},
}
"""What a study says of the bars that `write_bars` writes."""


def quiet(text: str) -> None: ...


def write_bars(path: Path, rows: int = 400, seed: int = 5, start: str = "2019-01-02") -> Path:
    """Open, High, Low, Close, Volume and one more column."""
    rng = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, rows)))
    open_ = close * np.exp(rng.normal(0, 0.003, rows))
    frame = pd.DataFrame(
        {
            "Date": pd.bdate_range(start, periods=rows),
            "Open": open_,
            "High": np.maximum(open_, close) * np.exp(np.abs(rng.normal(0, 0.003, rows))),
            "Low": np.minimum(open_, close) * np.exp(-np.abs(rng.normal(0, 0.003, rows))),
            "Close": close,
            "Volume": rng.integers(1_000, 9_000, rows),
            "Breadth": rng.normal(size=rows),
        }
    )
    frame.to_csv(path, index=False)
    return path


def fitted(
    problem: Problem, seeds: int = 2, **parameters: Any
) -> tuple[Candidate, Forecaster | None]:
    """A candidate with `PARAMETERS` but for those given, and its refit."""
    chosen = TrialParameters.from_plain(PARAMETERS | {"steps": problem.steps} | parameters)
    data = TrialData(
        problem.table, problem.prices.quotes, problem.split, problem.study.data.predict
    )
    *_, outcome = run_trial(chosen, data, torch.device("cpu"))
    assert isinstance(outcome, Outcome)
    trial = TrialView(optuna.trial.create_trial(value=outcome.skill))
    forecasts = shaped(unpack(outcome.forecasts), problem.steps)
    skill, gain = validation_value(problem, chosen, forecasts)
    candidate = Candidate(trial, chosen, (skill,), (gain,), (forecasts,))
    return candidate, refit(problem, candidate, seeds, quiet)


def fit_forecaster(path: Path, seeds: int = 2, **parameters: Any) -> tuple[Problem, Forecaster]:
    """The forecaster of a study file's data."""
    problem = Problem.load(load_study(path))
    _, forecaster = fitted(problem, seeds, **parameters)
    assert forecaster is not None
    return problem, forecaster


@dataclass(frozen=True)
class Evaluated:
    path: Path  # of the study file
    home: Path
    answer: dict[str, Any]

    @property
    def study(self) -> StudyFile:
        return load_study(self.path)


def search_inline(path: Path, trials: str | None = None) -> None:
    """A search without worker processes, whatever the file says."""
    study_module.search(load_study(path, run__engine="inline"), Notes(), trials=trials)


@contextlib.contextmanager
def evaluate_small(folder: Path, mlflow_database: Path) -> Iterator[Evaluated]:
    """`write_study`'s study in a folder, searched and evaluated, its stores in `folder/runs`."""
    import mlflow.pyfunc  # noqa: F401 - here, and not in two threads at a time

    home = folder / "runs"
    home.mkdir()
    shutil.copy(mlflow_database, home / "mlflow.db")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RNNSEARCH_HOME", str(home))
        path = write_study(folder)
        search_inline(path)
        answer = evaluate(load_study(path), top=2, seeds=2, say=quiet)
    yield Evaluated(path, home, answer)


def copy_study(study: Evaluated, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Evaluated:
    """A copy to be changed; RNNSEARCH_HOME is its stores."""
    home = folder / "runs"
    shutil.copytree(study.home, home)
    for file in study.path.parent.glob("*.*"):
        shutil.copy(file, folder)
    monkeypatch.setenv("RNNSEARCH_HOME", str(home))
    return Evaluated(folder / study.path.name, home, study.answer)


def answer_again(study: Evaluated, **changes: Any) -> dict[str, Any]:
    settings: dict[str, Any] = {"top": 2, "seeds": 2, "say": quiet}
    return evaluate(study.study, **settings | changes)


def command(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    """Exit code of a command, run in this process."""
    monkeypatch.setattr(sys, "argv", ["rnnsearch", *map(str, arguments)])
    return cli._exit_code()
