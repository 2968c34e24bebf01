"""9: epochs trained and the best skill found, with pruning and without, on planted files.

A file is one seed. Its two searches differ in `pruner` alone; skill is that of the best trial on
validation rows. Nothing here depends on the clock, so other programs on the machine do no harm.
"""

from collections.abc import Iterator
from pathlib import Path
from statistics import mean
from typing import Any

from rnnsearch.config import load_study
from rnnsearch.search.store.store import Store
from tests.bench.measuring import Figure, figure, own_home, ratios, rnnsearch, write_study
from tests.helpers.planted import plant

SPACE: dict[str, Any] = {
    "cell": ["lstm", "gru"],
    "layers": [1, 2],
    "neurons": {"low": 8, "high": 32, "log": True},
    "window": {"low": 2, "high": 10},
    "epochs": {"low": 5, "high": 40},
    "batch_size": [32, 64, 128],
    "learning_rate": {"low": 1e-3, "high": 2e-2, "log": True},
    "dropout": [0.0, 0.2],
    "input_shift": {"low": 0, "high": 2},
    "output_shift": {"low": 1, "high": 3},
}


def measure(quick: bool, repeats: int | None) -> Iterator[Figure]:
    trials, rows = (8, 600) if quick else (60, 2000)
    epochs: dict[str, list[float]] = {"none": [], "median": []}
    best: dict[str, list[float]] = {"none": [], "median": []}
    pruned: list[float] = []
    for seed in range(repeats or (1 if quick else 10)):
        for pruner in epochs:
            with own_home() as folder:
                found = _search(folder, pruner, seed, trials, rows)
            epochs[pruner].append(found[0])
            best[pruner].append(found[1])
        pruned.append(found[2])
    lost = [with_ - without for with_, without in zip(best["median"], best["none"], strict=True)]
    yield figure(9, "epochs without pruning / with", ratios(epochs["none"], epochs["median"]),
                 at_least=2.5)  # fmt: skip
    yield figure(9, "best skill with pruning - without", lost)
    yield figure(9, "its mean over the files", [mean(lost)], at_least=0)
    yield figure(9, "share of trials pruned", pruned)
    for pruner, skills in best.items():
        yield figure(9, f"best skill, pruner {pruner}", skills)


def _search(
    folder: Path, pruner: str, seed: int, trials: int, rows: int
) -> tuple[float, float, float]:
    """Epochs trained in all, the best skill, and the share of trials pruned."""
    path = write_study(
        folder,
        plant(rows=rows, candidates=20, seed=seed),
        study={"trials": trials, "seed": seed, "pruner": pruner},
        space=SPACE,
        run={"device": "cpu"},
    )
    rnnsearch("search", path, "--quiet")
    done = [trial for trial in Store(load_study(path), create=False).trials() if trial.is_original]
    epochs = sum(len(trial.curves["skill"]) for trial in done)
    complete = [trial.value for trial in done if trial.state == "complete"]
    share = sum(trial.state == "pruned" for trial in done) / len(done)
    return float(epochs), max(value for value in complete if value is not None), share
