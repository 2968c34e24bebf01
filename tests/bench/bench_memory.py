"""6: memory of workers that train on a large table, above what they have when idle.

Two real worker processes on a table of random numbers in the cache. This process holds the table in
memory too, so that its pages count as shared, as they are among the workers of a search.
"""

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from rnnsearch.data.inputs.indicators import InputSpec
from rnnsearch.data.inputs.table import ALWAYS, InputTable, write_inputs
from rnnsearch.model.windows import split_rows
from rnnsearch.search.engines.local import LocalWorkers
from rnnsearch.search.trial.parameters import TrialParameters
from rnnsearch.search.trial.protocol import Done, Failed, Lost, Task, WorkerSetup
from rnnsearch.targets import Quotes
from tests.bench.measuring import Figure, figure, own_home

INPUTS, WINDOW, WORKERS = 86, 60, 2
FAMILIES = ("volume", "volatility", "trend", "momentum", "others")
MB = 2**20


def measure(quick: bool, repeats: int | None) -> Iterator[Figure]:
    rows = 50_000 if quick else 1_000_000
    with own_home() as folder:
        table = _table(folder, rows)
        size = table.values.nbytes / MB
        yield figure(6, f"the table, {rows:,} rows × {INPUTS}", [size], "MB")
        setup = _setup(table, rows)
        kept = float(table.values.sum())  # every page is in memory, and is this process's too
        assert np.isfinite(kept)
        cases: dict[str, dict[str, Any]] = {
            "all inputs": {},
            "half the inputs": {"inputs": table.names[: INPUTS // 2]},
            "all inputs, a shift per family": {
                "input_shift": {"price": 0} | {name: n for n, name in enumerate(FAMILIES)}
            },
        }
        for name, changes in cases.items():
            private: list[float] = []
            together: list[float] = []
            for _ in range(repeats or 1):
                own, all_of_it = _peak(setup, _parameters(table) | changes, size)
                private += own
                together.append(all_of_it)
            most = None if changes else 300
            yield figure(6, f"{name}: private memory of a worker", private, "MB", at_most=most)
            yield figure(
                6, f"{name}: all workers' memory - table, per worker", together, "MB", at_most=most
            )


def _table(folder: Path, rows: int) -> InputTable:
    rng = np.random.default_rng(0)
    specs = (
        ALWAYS[0],
        *(
            InputSpec(f"x{number:02d}", FAMILIES[number % 5], "raw", 0, "made up")
            for number in range(1, INPUTS)
        ),
    )
    values = rng.standard_normal((rows, INPUTS), dtype=np.float32)
    return write_inputs(folder, InputTable(values, specs, 1, "0" * 16))


def _setup(table: InputTable, rows: int) -> WorkerSetup:
    split = split_rows(
        rows,
        warmup=table.warmup,
        max_window=WINDOW,
        max_input_shift=4,
        max_output_shift=1,
        test=0.2,
        folds=1,
        validation=0.1,
        expanding=True,
    )
    growth = np.random.default_rng(1).normal(0, 1e-3, rows)
    assert table.path is not None
    return WorkerSetup(table.path, Quotes(np.exp(np.cumsum(growth))), split, "log_return", "cpu")


def _parameters(table: InputTable) -> dict[str, Any]:
    return TrialParameters(
        cell="lstm",
        neurons=(8,),
        dropout=0.0,
        window=WINDOW,
        epochs=1,
        batch_size=256,
        learning_rate=1e-3,
        optimizer="adam",
        averaging=True,
        weight_decay=0.0,
        scaler="standard",
        input_shift=3,
        output_shift=1,
        inputs=table.names,
        clip=1.0,
    ).plain()


def _peak(
    setup: WorkerSetup, parameters: dict[str, Any], table: float
) -> tuple[list[float], float]:
    """MB above idle: private of each worker; proportional of all, less the table, per worker."""
    with closing(LocalWorkers(setup, WORKERS)) as workers:
        while sum(worker.ready for worker in workers._workers) < WORKERS:
            list(workers.events(1))
        time.sleep(1)
        processes = [psutil.Process(worker.process.pid) for worker in workers._workers]
        idle = [process.memory_full_info() for process in processes]
        for number in range(WORKERS):
            workers.submit(Task(number, parameters))
        private, together, running = [0.0] * WORKERS, 0.0, WORKERS
        while running:
            for event in workers.events(0.05):
                assert not isinstance(event, Failed | Lost), event
                running -= isinstance(event, Done)
            now = [process.memory_full_info() for process in processes]
            above = [(n.uss - i.uss) / MB for n, i in zip(now, idle, strict=True)]
            private = [max(pair) for pair in zip(private, above, strict=True)]
            pss = sum((n.pss - i.pss) / MB for n, i in zip(now, idle, strict=True))
            together = max(together, pss)
    # This process has its share of the table's pages, too.
    return private, (together - table * WORKERS / (WORKERS + 1)) / WORKERS
