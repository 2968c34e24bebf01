"""Is a test that is walked through with refits worth it where the market drifts, and free else?

    python -m tests.bench.bench_refit [--files 10] [--rows 4000] [--seed 0] [--r2 0.1]

Files of `tests.helpers.drifting`: five inputs tell the next return (R² 0.1) by weights whose
correlation with themselves halves every 1,000 sessions, or by weights that stay. A quarter of the
rows is locked. One GRU of 8 neurons, of a fixed configuration, under two seeds, and ridge
regression beside it, are fitted once before the test, and refitted every 21 sessions: on all rows
known then, on the newest 1,000, and on each of both going on from the weights of the refit before.

A win is a smaller squared error than the one fit's on the locked rows. Exits with 1 where refits on
all rows, or on the newest 1,000, win on fewer than 8 of 10 drifting files; or where, with weights
that stay, refits on all rows lose more than chance does (mean difference of skill two standard
errors below 0).
"""

# ruff: noqa: E402 - the environment comes before the imports

import os

for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import argparse
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import numpy as np

from rnnsearch.arrays import Floats
from rnnsearch.config import StudyFile, load_study
from rnnsearch.scoring import baselines, metrics
from rnnsearch.search.problem import Problem
from rnnsearch.search.trial.parameters import TrialParameters
from rnnsearch.verdict import comparison
from rnnsearch.verdict import walk as walks
from tests.helpers.drifting import plant_drifting
from tests.helpers.evaluated import fitted

EVERY, NEWEST, SHARE = 21, 1000, 0.8

STUDY = """
[study]
name = "refit"
[data]
path = "prices.csv"
[split]
test = 0.25
folds = 1
[space]
window = {{ low = 1, high = 2 }}
input_shift = 0
output_shift = 1
[inputs]
indicators = "none"
search = "all"
[evaluate]
refit_every = {every}
refit_window = {window}
refit_start = "{start}"
[run]
engine = "inline"
workers = 1
device = "cpu"
"""

WALKS = {
    "all rows": ('"expanding"', "cold"),
    f"newest {NEWEST}": (str(NEWEST), "cold"),
    "all rows, warm": ('"expanding"', "warm"),
    f"newest {NEWEST}, warm": (str(NEWEST), "warm"),
}

PARAMETERS = {
    "cell": "gru",
    "neurons": [8],
    "window": 2,
    "epochs": 8,
    "batch_size": 64,
    "learning_rate": 0.003,
    "weight_decay": 0.0,
    "dropout": 0.0,
    "averaging": True,
    "input_shift": 0,
    "output_shift": 1,
    "inputs": ["x0", "x1", "x2", "x3", "x4"],
}


def studies(folder: Path) -> dict[str, StudyFile]:
    found = {}
    for name, (window, start) in WALKS.items():
        path = folder / f"{start}-{window.strip(chr(34))}.toml"
        path.write_text(STUDY.format(every=EVERY, window=window, start=start), encoding="utf-8")
        found[name] = load_study(path)
    return found


def skills(folder: Path) -> dict[str, float]:
    """Skill of the network and of ridge by each way through the locked rows of a file.

    All against no change, which is the same by each way.
    """
    found: dict[str, float] = {}
    ridge = tuple(one for one in baselines.registry() if one.name == "ridge")
    for name, study in studies(folder).items():
        problem = Problem.load(study)
        vars(problem)["baselines"] = ridge  # in the place of all: they take most of the time
        candidate, champion = fitted(problem, seeds=2, **PARAMETERS)
        assert champion is not None
        parameters = TrialParameters.from_plain(candidate.parameters.plain())
        once = comparison.one_fit(problem, parameters, champion, lambda _: None)
        plan = walks.planned(problem)
        with walks.prepared(
            problem, plan, candidate, champion, seconds=1.0, say=lambda _: None
        ) as walk:
            assert walk is not None
            line = walk.line(once, lambda _: None)

        def skill(forecast: Floats, once: comparison.Line = once) -> float:
            return metrics.skill(once.test.actual, forecast, once.test.naive["no_change"])

        found |= {"one fit": skill(once.champion), name: skill(line.champion)}
        if study.evaluate.refit_start == "cold":  # a line has no weights to go on from
            found["ridge, one fit"] = skill(once.fitted["ridge"].forecast)
            found[f"ridge, {name}"] = skill(line.fitted["ridge"].forecast)
    return found


def measure(
    files: int, rows: int, seed: int, r2: float, half_life: float | None
) -> dict[str, Floats]:
    """Skills (files,) by way."""
    every: dict[str, list[float]] = defaultdict(list)
    for number in range(files):
        began = time.perf_counter()
        with tempfile.TemporaryDirectory() as name:
            os.environ["RNNSEARCH_HOME"] = f"{name}/runs"
            planted = plant_drifting(rows=rows, r2=r2, half_life=half_life, seed=seed + number)
            planted.write(Path(name) / "prices.csv")
            for way, value in skills(Path(name)).items():
                every[way].append(value)
            every["oracle"].append(planted.oracle(np.arange(rows - rows // 4, rows)))
        seconds = time.perf_counter() - began
        told = ", ".join(f"{way} {values[-1]:+.4f}" for way, values in every.items())
        print(f"file {number}: {told} ({seconds:.0f} s)", file=sys.stderr, flush=True)
    return {way: np.array(values) for way, values in every.items()}


def standard_error(values: Floats) -> float:
    return float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else 0.0


def table(found: dict[str, Floats]) -> str:
    lines = ["| | mean skill | wins over one fit | mean difference ± standard error |"]
    lines += ["|---|---|---|---|"]
    for way, values in found.items():
        once = found["ridge, one fit" if way.startswith("ridge") else "one fit"]
        gap = values - once
        error = standard_error(gap)
        wins = f"{int((gap > 0).sum())} of {len(gap)}" if gap.any() else ""
        told = f"{gap.mean():+.4f} ± {error:.4f}" if gap.any() else ""
        lines.append(f"| {way} | {values.mean():+.4f} | {wins} | {told} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=10)
    parser.add_argument("--rows", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--r2", type=float, default=0.1)
    asked = parser.parse_args()
    faults = []
    drifting = measure(asked.files, asked.rows, asked.seed, asked.r2, 1000.0)
    print(f"weights that drift, {asked.files} files\n\n{table(drifting)}\n", flush=True)
    for way in ("all rows", f"newest {NEWEST}"):
        wins = float(np.mean(drifting[way] > drifting["one fit"]))
        if wins < SHARE:
            faults.append(f"refits on {way} win on {wins:.0%} of drifting files")
    staying = measure(asked.files, asked.rows, asked.seed, asked.r2, None)
    print(f"weights that stay, {asked.files} files\n\n{table(staying)}", flush=True)
    gap = staying["all rows"] - staying["one fit"]
    if gap.mean() < -2 * standard_error(gap):
        faults.append(f"refits on all rows lose {-gap.mean():.5f} where nothing drifts")
    for fault in faults:
        print(fault, file=sys.stderr)
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
