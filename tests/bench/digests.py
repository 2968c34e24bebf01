"""Digests of what rnnsearch computes, to show that a change of its code changed no number.

    python -m tests.bench.digests > before.txt
    ... change the code ...
    python -m tests.bench.digests > after.txt; diff before.txt after.txt

A line each: trials of all cells, targets, scalers, shifts and optimizers (curves, metrics and
forecasts, to the last digit), a search, what is told of it (status, table, page), an evaluation and
a prediction. Dates of today, seconds and versions are left out. Digests hold for one machine.
"""

# ruff: noqa: E402 - the environment comes before the imports

import os

for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[_name] = "1"
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"

import json
import re
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from rnnsearch import targets
from rnnsearch.api import Study
from rnnsearch.config import digest, load_study
from rnnsearch.model.networks.network import CELLS
from rnnsearch.report.facts import collect
from rnnsearch.report.page import render
from rnnsearch.report.status import status
from rnnsearch.search.problem import Problem
from rnnsearch.search.store.store import Store
from rnnsearch.search.trial.protocol import EpochReport, Outcome, Task
from rnnsearch.search.trial.runner import TrialRunner
from rnnsearch.targets import ours
from tests.helpers.evaluated import BARS, PARAMETERS, write_bars
from tests.helpers.searches import write_study

TODAY = re.compile(
    r"\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d(\.\d+)?)?( [A-Z]{3,4})?"  # when it was run
    r"|[\d.]+ (ms|s|min|h)\b"  # how long it took
)
VARIED: dict[str, dict[str, Any]] = {
    **{f"cell {cell}": {"cell": cell} for cell in CELLS},
    "cell gru, two layers": {"cell": "gru", "neurons": [4, 4]},
    "cell bilstm, layers of two sizes and dropout": {
        "cell": "bilstm",
        "neurons": [4, 3],
        "dropout": 0.3,
    },
    **{f"scaler {scaler}": {"scaler": scaler} for scaler in ("standard", "minmax", "robust")},
    "optimizer sgd": {"optimizer": "sgd", "weight_decay": 0.1},
    "optimizer adam, decaying and averaged": {"weight_decay": 0.1, "averaging": True},
    "shifts 0, 1": {"output_shift": 1},
    "shifts 3, 5": {"input_shift": 3, "output_shift": 5},
    "clip 0": {"clip": 0.0},
}


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        os.environ["RNNSEARCH_HOME"] = str(Path(name) / "runs")
        for what, value in (*_trials(Path(name)), *_study(Path(name))):
            print(f"{digest(value)[:12]}  {what}", flush=True)


def _trials(folder: Path) -> Iterator[tuple[str, Any]]:
    write_bars(folder / "bars.csv", rows=300)
    for kind in ours():
        path = write_study(folder, kind, **BARS | {"data": {"path": "bars.csv", "predict": kind}})
        problem = Problem.load(load_study(path))
        runner = TrialRunner(problem.worker_setup("cpu", 1))
        inputs = list(problem.table.names)[:4]
        for name, changes in VARIED.items():
            parameters = PARAMETERS | {"inputs": inputs, "batch_size": 32} | changes
            yield f"{kind}: {name}", _run(runner, Task(0, parameters, measure_above=-1.0))
        old = Task(0, PARAMETERS | {"inputs": inputs}, scoring=1)
        yield f"{kind}: as trials were valued before", _run(runner, old)
    scored = targets.SCORING
    yield "how trials are valued", scored


def _run(runner: TrialRunner, task: Task) -> list[Any]:
    said: list[Any] = []
    for one in runner.run(task):
        match one:
            case EpochReport() | Outcome():
                said.append(asdict(replace(one, seconds=0.0)))
            case reason:
                said.append(reason)
    return said


def _study(folder: Path) -> Iterator[tuple[str, Any]]:
    changes: dict[str, dict[str, Any]] = BARS | {
        "study": {"trials": 12, "pruner": "median"},
        "inputs": {"indicators": ["price", "momentum_rsi"], "search": "ranked"},
    }
    changes["run"] = {"kernels": "torch"}  # those of a processor of its own differ from another's
    changes |= {"space": {"input_shift": [0, 1, 2], "neurons": [2, 3, 4]}}
    study = Study(write_study(folder, "searched", **changes))
    study.search()
    trials = study.trials().drop(columns=["started", "ended", "seconds"])
    yield "search: its trials", trials.to_dict("records").__repr__()
    store = Store(study.settings, create=False)
    yield "search: its status", status(study.settings, store)
    answer = study.evaluate(top=2, seeds=2)
    yield "evaluation", _lasting(answer)
    yield "evaluation, shown again", _lasting(study.evaluate(top=2, seeds=2))
    facts = collect(study.settings)
    page = render(replace(facts, evaluation=_lasting(facts.evaluation) | {"evaluated": "then"}))
    yield "report", TODAY.sub("", page)
    yield "prediction", study.predict(origins=5).to_dict("records").__repr__()


def _lasting(answer: dict[str, Any] | None) -> dict[str, Any]:
    """An evaluation without the time it took."""
    own = ("evaluated", "baseline_seconds", "opening_id")
    return {key: value for key, value in json.loads(json.dumps(answer)).items() if key not in own}


if __name__ == "__main__":
    main()
