"""Small searches for tests: seconds each, on a made-up series, with real processes and stores."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from rnnsearch.config import StudyFile, load_study
from rnnsearch.search.driver.running import RunningTrial
from rnnsearch.search.store.store import Store
from rnnsearch.search.store.view import TrialView
from rnnsearch.search.trial.parameters import TrialParameters
from rnnsearch.search.trial.protocol import Event, Progress, Task, Workers
from rnnsearch.tracking import PARENT, STATE, STATUS, STUDY, TRIAL

# Trained in the process that searches, as workers take seconds to start: tests of them say so.
SMALL: dict[str, dict[str, Any]] = {
    "study": {"trials": 6, "seed": 1, "pruner": "none"},
    "data": {"path": "prices.csv"},
    "split": {"folds": 2},
    "space": {
        "cell": ["lstm", "gru"],
        "layers": 1,
        "neurons": [2, 4],
        "window": [2, 3, 4],
        "epochs": 2,
        "batch_size": 128,
        "learning_rate": {"low": 1e-4, "high": 1e-2, "log": True},
        "dropout": 0.0,
        "weight_decay": 0.0,
        "averaging": False,
        "input_shift": 0,
        "output_shift": [1, 2],
    },
    "inputs": {"indicators": "none", "search": "each"},
    "run": {"engine": "inline", "workers": 1, "device": "cpu"},
}


def write_study(folder: Path, name: str = "small", **changes: dict[str, Any]) -> Path:
    """A study file and its prices: 300 days, Date, Close and two more columns.

    `changes` replace keys: `study={"trials": 4}`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    prices = folder / "prices.csv"
    if not prices.exists():
        rng = np.random.default_rng(5)
        rows = {
            "Date": pd.bdate_range("2020-01-01", periods=300),
            "Close": 100 * np.exp(np.cumsum(rng.normal(0, 0.01, 300))),
            "Spread": rng.normal(size=300),
            "Breadth": rng.normal(size=300),
        }
        pd.DataFrame(rows).to_csv(prices, index=False)
    path = folder / f"{name}.toml"
    lines = []
    for section in SMALL.keys() | changes.keys():
        lines.append(f"[{section}]")
        keys = SMALL.get(section, {}) | changes.get(section, {})
        lines += [f"{key} = {toml(value)}" for key, value in keys.items() if value is not None]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def toml(value: Any) -> str:
    """A value as TOML writes it."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {toml(item)}" for key, item in value.items()) + " }"
    return json.dumps(value, ensure_ascii=False)


class Notes:
    """A view that remembers what it was told."""

    def __init__(self) -> None:
        self.notices: list[str] = []
        self.told: list[int] = []
        self.let_go_of: list[int] = []
        self.looks = 0
        self.reports: list[tuple[int, int]] = []
        self.at: Callable[[RunningTrial], None] = lambda trial: None

    def begin(self, store: Store, target: int, workers: int) -> None: ...

    def running(self, trial: RunningTrial) -> None:
        self.reports.append((trial.number, trial.epoch))
        self.at(trial)

    def finished(self, trial: TrialView) -> None:
        self.told.append(trial.number)

    def let_go(self, number: int) -> None:
        self.let_go_of.append(number)

    def look(self, store: Store) -> None:
        self.looks += 1

    def notice(self, text: str) -> None:
        self.notices.append(text)


def resume(path: Path, trials: str | None = None) -> Store:
    """Search, or go on, in this process."""
    from rnnsearch.search import searching as study_module

    return study_module.search(load_study(path), Notes(), trials=trials)


# --- a pool of workers --------------------------------------------------------------------------

LONG = 100_000  # epochs: such a trial runs until somebody ends it


def task(number: int, epochs: int = 2, *, problem: int = 0, **changes: Any) -> Task:
    parameters = TrialParameters(
        cell="gru",
        neurons=(2,),
        dropout=0.0,
        window=3,
        epochs=epochs,
        batch_size=64,
        learning_rate=1e-3,
        optimizer="adam",
        weight_decay=0.0,
        averaging=True,
        scaler="standard",
        input_shift=0,
        output_shift=1,
        inputs=("return",),
        clip=1.0,
    )
    return Task(number, parameters.plain() | changes, problem=problem)


def until(pool: Workers, kind: type[Any]) -> list[Event]:
    """What is said until there is an event of a kind, with that at the end.

    Another worker may have been heard with it, and later.
    """
    said: list[Event] = []

    def heard() -> bool:
        said.extend(pool.events(0.1))
        return any(isinstance(event, kind) for event in said)

    wait_until(heard)
    awaited = next(event for event in said if isinstance(event, kind))
    return [event for event in said if event is not awaited] + [awaited]


def begin(pool: Workers, wanted: Task, kind: type[Any] = Progress) -> list[Event]:
    until_idle(pool)
    pool.submit(wanted)
    return until(pool, kind)


def until_idle(pool: Workers) -> None:
    wait_until(lambda: pool.has_idle() or list(pool.events(0.1)) is None)


# --- the command --------------------------------------------------------------------------------


def start(*arguments: object, **environment: str) -> "subprocess.Popen[str]":
    """Start `rnnsearch` as a process that leads a group of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "rnnsearch", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"} | environment,
    )


def finish(process: "subprocess.Popen[str]") -> tuple[int, str, str]:
    """Exit code, output and errors, once it has ended; nothing it printed is a traceback."""
    try:
        out, err = process.communicate(timeout=180)
    except subprocess.TimeoutExpired:
        end_group(process)
        raise AssertionError(f"still running: {process.args!r}\n{process.communicate()}") from None
    assert "Traceback" not in out + err, out + err
    return process.returncode, out, err


def run(*arguments: object, **environment: str) -> tuple[int, str, str]:
    return finish(start(*arguments, **environment))


def end_group(process: "subprocess.Popen[str]", kind: int = signal.SIGKILL) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, kind)


def wait_until(condition: Callable[[], Any], seconds: float = 120) -> Any:
    """The condition's value once it is true; fails after a time that is long on any machine."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.02)
    return value


# --- what is true after any search --------------------------------------------------------------


def trials_of(path: Path, **overrides: Any) -> list[TrialView]:
    return Store(load_study(path, **overrides), create=False).trials()


def facts_of(path: Path, **overrides: Any) -> dict[str, Any]:
    from rnnsearch.report.status import status

    study = load_study(path, **overrides)
    return status(study, Store(study, create=False))


def runs_of(path: Path, **overrides: Any) -> tuple[list[Any], list[Any]]:
    """Parent runs and child runs that MLflow has of the study in this store."""
    return runs_of_study(load_study(path, **overrides))


def runs_of_study(study: StudyFile) -> tuple[list[Any], list[Any]]:
    from mlflow import MlflowClient

    from rnnsearch.search.store.records import tracking_uri

    own = f"tags.`{STUDY}` = '{Store(study, create=False).id}'"
    client = MlflowClient(tracking_uri(study))
    experiment = client.get_experiment_by_name(study.family or study.name)
    assert experiment is not None
    runs = list(client.search_runs([experiment.experiment_id], own, max_results=1000))
    parents = [run for run in runs if run.data.tags[TRIAL] == "parent"]
    return parents, [run for run in runs if run.data.tags[TRIAL] != "parent"]


def assert_in_order(path: Path, target: int, **overrides: Any) -> dict[str, Any]:
    """Exactly `target` finished trials, nothing half-done, and MLflow says the same."""
    return assert_study_in_order(load_study(path, **overrides), target)


def assert_study_in_order(study: StudyFile, target: int) -> dict[str, Any]:
    from rnnsearch.report.status import status

    store = Store(study, create=False)
    facts = status(study, store)
    assert facts["complete"] + facts["pruned"] + facts["failed"] == target, facts
    assert facts["running"] == facts["waiting"] == 0, facts
    assert facts["workers"] == [], facts
    assert facts["tracked"] == target + facts["interrupted"], facts
    trials = store.trials()
    retries = Counter(trial.retry_of for trial in trials)
    assert max([n for retried, n in retries.items() if retried is not None], default=1) == 1
    parents, children = runs_of_study(study)
    assert [run.info.status for run in parents] == ["FINISHED"]
    assert {run.data.tags[PARENT] for run in children} == {parents[0].info.run_id}
    numbers = sorted(int(run.data.tags[TRIAL]) for run in children)
    assert numbers == [trial.number for trial in trials]
    by_state = Counter(run.data.tags[STATE] for run in children)
    for state in ("complete", "pruned", "failed", "interrupted"):
        assert by_state[state] == facts[state], (by_state, facts)
    for run in children:
        assert run.info.status == STATUS[run.data.tags[STATE]], run.data.tags
    return facts
