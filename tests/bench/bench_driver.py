"""5: what a trial costs the driver, and what of it a worker waits for, in a study that has grown.

The driver, its SQLite store and its tracking are real. The worker is none: it answers each epoch at
once, so all seconds are the driver's. Those in `waits` lie between a trial's end and the next one's
start; while the driver proposes trials ahead of need, real workers train.
"""

import math
import time
from collections import deque
from collections.abc import Iterator
from typing import Any

import numpy as np
import optuna
import sqlalchemy
from optuna.trial import FrozenTrial, TrialState, create_trial

from rnnsearch.config import load_study
from rnnsearch.search.driver.driver import Driver
from rnnsearch.search.driver.running import HISTORY
from rnnsearch.search.problem import Problem
from rnnsearch.search.space.samplers import build_pruner
from rnnsearch.search.space.suggesting import suggest
from rnnsearch.search.store.records import tracking_uri
from rnnsearch.search.store.store import Store
from rnnsearch.search.trial.packing import pack
from rnnsearch.search.trial.protocol import (
    Done,
    EpochReport,
    Event,
    Outcome,
    Progress,
    Stopped,
    Task,
)
from tests.bench.measuring import Figure, figure, own_home, ratios, write_study
from tests.helpers.planted import plant
from tests.helpers.searches import Notes

EPOCHS = 20
METRICS = [f"metric_{number}" for number in range(15)]
DESCRIPTION = {"device": "cpu", "precision": "float32", "torch": "2.13.0"}


def measure(quick: bool, repeats: int | None) -> Iterator[Figure]:
    sizes = (20, 100) if quick else (100, 1000, 10_000)
    trials = 4 if quick else 20
    spent: dict[int, list[float]] = {size: [] for size in sizes}
    waits: dict[int, list[float]] = {size: [] for size in sizes}
    asks: dict[int, list[float]] = {size: [] for size in sizes}
    for _ in range(repeats or 1):
        with own_home() as folder:
            study = load_study(
                write_study(
                    folder,
                    plant(rows=2500, candidates=20),
                    study={"references": False},
                    space={"epochs": EPOCHS},
                )
            )
            problem = Problem.load(study)
            store = Store(study)
            store.prune_with(build_pruner(study))
            filler = _Filler(problem)
            _Drive(problem, store, 3)  # imports, empty caches
            for size in sizes:
                filler.fill(store, size)
                worker = _Drive(problem, store, trials)
                spent[size].append(worker.spent)
                waits[size].append(1e3 * worker.wait)
                asks[size].append(1e3 * worker.ask)
    for size in sizes:
        yield figure(5, f"driver and tracking per trial, {size:,} finished", spent[size], "s")
        yield figure(5, f"of these proposing, {size:,} finished", asks[size], "ms")
        yield figure(5, f"a worker waits for its next trial, {size:,} finished", waits[size], "ms")
    compared = f"{sizes[-1]:,} finished / {sizes[0]:,}"
    for name, values, reach in (("driver and tracking", spent, None), ("waiting", waits, 1.2)):
        yield figure(
            5, f"{name}: {compared}", ratios(values[sizes[-1]], values[sizes[0]]), at_most=reach
        )


class _Drive:
    """Some trials more: seconds of the processor per trial, and of waiting."""

    def __init__(self, problem: Problem, store: Store, trials: int) -> None:
        worker = _Worker()
        driver = Driver(
            problem, store, worker, Notes(), target=store.finished() + trials, alone=True
        )
        asked = 0.0
        ask = driver._source.ask

        def timed() -> Any:
            nonlocal asked
            began = time.process_time()
            trial = ask()
            asked += time.process_time() - began
            return trial

        driver._source.ask = timed  # type: ignore[method-assign]
        began = time.process_time()
        driver.run()
        self.spent = (time.process_time() - began) / trials
        self.wait = float(np.median(worker.waits))
        self.ask = asked / trials


class _Worker:
    """Trains nothing; says one thing at a time."""

    count = 1
    description = DESCRIPTION

    def __init__(self) -> None:
        self._said: deque[Event] = deque()
        self._ended = math.nan
        self.waits: list[float] = []

    def has_idle(self) -> bool:
        return not self._said

    def starved(self) -> bool:
        return False

    def submit(self, task: Task) -> None:
        if not math.isnan(self._ended):
            self.waits.append(time.perf_counter() - self._ended)
        rng = np.random.default_rng(task.number)
        for epoch in range(1, EPOCHS + 1):
            skill, loss, validation_loss, norm = rng.normal(size=4).tolist()
            report = EpochReport(epoch, skill, skill, loss, validation_loss, norm, 0.1)
            self._said.append(Progress(task.number, report))
        self._said.append(Done(task.number, _outcome(rng)))

    def stop(self, number: int) -> None:
        self._said = deque([Stopped(number)])

    def events(self, timeout: float) -> list[Event]:
        event = self._said.popleft()
        if not self._said:
            self._ended = time.perf_counter()
        return [event]

    def close(self) -> None: ...


def _outcome(rng: np.random.Generator) -> Outcome:
    def metrics() -> dict[str, float]:
        return {
            name: float(value) for name, value in zip(METRICS, rng.normal(size=15), strict=True)
        }

    skill = float(rng.normal(0, 0.01))
    forecasts = pack(rng.normal(size=700))
    folds = [metrics() | {"skill": skill} for _ in range(3)]
    return Outcome(skill, skill, metrics() | {"skill": skill}, folds, forecasts, seconds=2.0)


class _Filler:
    """Finished trials such as a search leaves behind, without their training."""

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self._drawn = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))

    def fill(self, store: Store, size: int) -> None:
        """Up to `size` finished trials, which MLflow is said to have."""

        def fast(connection: Any, _: Any) -> None:
            connection.execute("PRAGMA synchronous=OFF")

        sqlalchemy.event.listen(store._engine, "connect", fast)
        store._engine.dispose()
        store._study.add_trials([self._finished() for _ in range(size - store.finished())])
        sqlalchemy.event.remove(store._engine, "connect", fast)
        store._engine.dispose()
        store.mark_tracked("filler", tracking_uri(self._problem.study), set(range(size)))

    def _finished(self) -> FrozenTrial:
        problem = self._problem
        trial = self._drawn.ask()
        parameters = suggest(trial, problem.study, problem.candidates)
        rng = np.random.default_rng(trial.number)
        outcome, pruned = _outcome(rng), rng.random() < 0.5
        epochs = 5 if pruned else EPOCHS
        record: dict[str, Any] = {
            "history": {key: [float(v) for v in rng.normal(size=epochs)] for key in HISTORY},
            "train_seconds": 2.0,
            "environment": DESCRIPTION | {"data_hash": problem.table.hash},
        }
        attrs = {"driver": "filler", "parameters": parameters.plain(), "record": record}
        if not pruned:
            record |= {"metrics": outcome.metrics, "folds": outcome.folds, "seconds": 2.0}
            attrs["forecasts"] = outcome.forecasts
        return create_trial(
            state=TrialState.PRUNED if pruned else TrialState.COMPLETE,
            value=None if pruned else outcome.skill,
            params=trial.params,
            distributions=trial.distributions,
            user_attrs=attrs,
            intermediate_values=dict(enumerate(record["history"]["skill"], start=1)),
        )
