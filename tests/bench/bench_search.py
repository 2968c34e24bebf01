"""2, 3 and 10: whole searches as a user runs them, stores and MLflow included.

Every trial trains a network of one size for equally many steps, so that searches with one and with
two workers do the same work whatever their sampler proposes. 10 is the quickstart, in a folder
where nothing is yet: its stores are made, and its kernels compiled, or there from earlier.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rnnsearch.config import load_study
from rnnsearch.search.store.store import Store
from tests.bench.measuring import Figure, figure, in_turn, own_home, ratios, rnnsearch, write_study
from tests.helpers.planted import plant

QUICKSTART = Path(__file__).parents[2] / "studies" / "quickstart.toml"
SPACE: dict[str, Any] = {
    "cell": "lstm",
    "layers": 2,
    "neurons": 32,
    "window": 20,
    "epochs": 100,
    "batch_size": 32,
    "learning_rate": {"low": 2e-4, "high": 2e-2, "log": True},
    "weight_decay": {"low": 0.01, "high": 3.0, "log": True},
    "dropout": [0.2, 0.4],
    "input_shift": {"low": 0, "high": 2},
    "output_shift": {"low": 1, "high": 3},
}


def measure(quick: bool, repeats: int | None) -> Iterator[Figure]:
    trials = 4 if quick else 60
    space = SPACE | ({"epochs": 5} if quick else {})
    seen: list[tuple[float, list[float]]] = []  # of two workers

    def per_minute(workers: int) -> float:
        wall, training = _search(space, trials, workers)
        if workers == 2:
            seen.append((wall, training))
        return 60 * trials / wall

    pace = in_turn(
        repeats or (1 if quick else 3), one=lambda: per_minute(1), two=lambda: per_minute(2)
    )
    shares = [sum(training) / (2 * wall) for wall, training in seen]
    every = [seconds for _, training in seen for seconds in training]
    yield figure(2, "a trial's training", every, "s", at_least=5)
    yield figure(2, "training steps / (wall time × workers)", shares, at_least=0.95)
    yield figure(3, "trials per minute, one worker", pace["one"])
    yield figure(3, "trials per minute, two workers / one", ratios(pace["two"], pace["one"]),
                 at_least=1.9)  # fmt: skip

    pace = in_turn(
        repeats or (1 if quick else 3),
        kernels=lambda: _quickstart("auto", trials, compiled=False),
        cached=lambda: _quickstart("auto", trials),
        torch=lambda: _quickstart("torch", trials),
    )
    names = {"kernels": "the quickstart from nothing", "cached": "the quickstart, kernels compiled"}
    for key, name in names.items():
        yield figure(10, f"{name}: trials per minute", pace[key])
        yield figure(
            10, f'{name}: the same / with kernels = "torch"', ratios(pace[key], pace["torch"]),
            at_least=2,
        )  # fmt: skip


def _quickstart(kernels: str, trials: int, *, compiled: bool = True) -> float:
    """Its trials per minute of the whole command."""
    trials = min(trials, 20)
    with own_home() as folder:
        if not compiled:
            os.environ["RNNSEARCH_KERNELS"] = str(folder / "kernels")
        study = folder / "quickstart.toml"
        text = QUICKSTART.read_text(encoding="utf-8")
        study.write_text(f'{text}\n[run]\ndevice = "cpu"\nkernels = "{kernels}"\n')
        return 60 * trials / rnnsearch("search", study, "--quiet", "--trials", trials)


def _search(space: dict[str, Any], trials: int, workers: int) -> tuple[float, list[float]]:
    """Seconds of the whole command, and each trial's in training steps."""
    with own_home() as folder:
        study = write_study(
            folder,
            plant(rows=2500, candidates=20),
            study={"trials": trials, "seed": 1, "pruner": "none"},
            space=space,
            inputs={"indicators": "none"},
            run={"workers": workers, "device": "cpu"},
        )
        wall = rnnsearch("search", study, "--quiet")
        done = Store(load_study(study), create=False).trials()
    return wall, [trial.record["train_seconds"] for trial in done if trial.is_original]
