"""4: a search against the one a careful user writes by hand (`handwritten.py`).

Both have the whole machine, one after the other. The script trains the very trials that our search
without pruning proposed. Then our search with pruning: how much sooner than the script does it have
a trial as good as the script's best (or as our own best, if that is worse)? One repeat is one seed.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import optuna

from rnnsearch.config import load_study
from rnnsearch.search.store.store import Store
from rnnsearch.tracking.server import connect
from tests.bench.measuring import Figure, figure, own_home, rnnsearch, write_study
from tests.helpers.planted import plant

SPACE: dict[str, Any] = {
    "cell": ["lstm", "gru"],
    "layers": {"low": 1, "high": 2},
    "neurons": {"low": 8, "high": 64, "log": True},
    "window": {"low": 5, "high": 20},
    "epochs": {"low": 10, "high": 40},
    "batch_size": [32, 64],
    "learning_rate": {"low": 2e-4, "high": 2e-2, "log": True},
    "weight_decay": {"low": 0.01, "high": 3.0, "log": True},
    "dropout": [0.0, 0.2, 0.4],
    "input_shift": 0,
    "output_shift": 1,
}


def measure(quick: bool, repeats: int | None) -> Iterator[Figure]:
    trials = 6 if quick else 60
    space = SPACE | ({"epochs": {"low": 2, "high": 4}} if quick else {})
    speed, sooner, best = [], [], []
    for seed in range(repeats or (1 if quick else 3)):
        with own_home() as folder:
            plain = _ours(folder / "plain", space, trials, seed, pruner="none")
            script = _script(folder / "script", plain)
            pruned = _ours(folder / "pruned", space, trials, seed, pruner="median")
            speed.append(script.seconds / plain.seconds)
            wanted = min(script.best, pruned.best)
            sooner.append(script.time_to(wanted) / pruned.time_to(wanted))
            best.append((plain.best, pruned.best, script.best))
    yield figure(4, "the script's time / ours, the same trials, no pruning", speed, at_least=8)
    yield figure(4, "the script's time / ours to the same skill, pruning", sooner, at_least=4)
    for place, name in enumerate(("ours, no pruning", "ours, pruning", "script")):
        yield figure(4, f"best skill: {name}", [skills[place] for skills in best])


class _Run:
    """A finished search: how long it took, and when it had which skill."""

    def __init__(self, folder: Path, began: float, seconds: float, study: optuna.Study) -> None:
        self.folder, self.seconds = folder, seconds
        self.trials = study.get_trials(states=[optuna.trial.TrialState.COMPLETE])
        self._reached = [
            (trial.datetime_complete.timestamp() - began, trial.value)
            for trial in self.trials
            if trial.datetime_complete and trial.value is not None
        ]
        self.best = max(value for _, value in self._reached)

    def time_to(self, skill: float) -> float:
        return min(when for when, value in self._reached if value >= skill)


def _ours(folder: Path, space: dict[str, Any], trials: int, seed: int, *, pruner: str) -> _Run:
    os.environ["RNNSEARCH_HOME"] = str(folder / "runs")
    _empty_tracking(folder / "runs")
    path = write_study(
        folder,
        plant(rows=2500, candidates=8, seed=seed),
        study={"trials": trials, "seed": seed, "pruner": pruner, "references": False},
        space=space,
        inputs={"indicators": "none", "search": "all"},
        run={"device": "cpu"},
    )
    began = time.time()
    seconds = rnnsearch("search", path, "--quiet")
    return _Run(folder, began, seconds, Store(load_study(path), create=False)._study)


def _script(folder: Path, ours: _Run) -> _Run:
    folder.mkdir()
    _empty_tracking(folder)
    parameters = folder / "parameters.json"
    parameters.write_text(json.dumps([trial.params for trial in ours.trials]))
    command = [sys.executable, "-m", "tests.bench.handwritten", str(ours.folder / "study.toml")]
    command += [str(folder), "--trials", str(len(ours.trials)), "--parameters", str(parameters)]
    threads = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    environment = {key: value for key, value in os.environ.items() if key not in threads}
    began = time.time()
    subprocess.run(command, env=environment, check=True, capture_output=True)
    seconds = time.time() - began
    storage = f"sqlite:///{folder / 'optuna.db'}"
    return _Run(folder, began, seconds, optuna.load_study(study_name="by hand", storage=storage))


def _empty_tracking(folder: Path) -> None:
    """MLflow's database, which takes ten seconds to make: neither side is charged for it."""
    folder.mkdir(parents=True, exist_ok=True)
    made = folder.parents[1] / "empty-mlflow.db"
    if not made.exists():
        connect(f"sqlite:///{made}").search_runs(["0"])
    shutil.copy(made, folder / "mlflow.db")
