"""Does the search find the inputs that truly move a price, and how much of what can be known?

    python -m tests.bench.bench_inputs [--seeds 10] [--trials 60] [--kinds interacting linear]
        [--candidates 20 80] [--modes ranked each families all random] [--jobs 2]

One study per seed on a planted file, whose truth is known; then `evaluate`. Each has one worker, so
that the load of the machine changes nothing but the seconds. A line per file, and a table: in how
many files all true inputs are in the champion's set, whether its window and shifts show the signal,
and which share of the attainable skill it reaches on rows the search never saw: of the skill that
knowing the signal has on those very rows. `random` is `ranked` with the random sampler. Files and
stores go to a temporary folder.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd

from tests.helpers.planted import Planted, SignalKind, plant

MODES = ("ranked", "each", "families", "all", "random")
STUDY = """
[study]
trials = {trials}
seed = {seed}
sampler = "{sampler}"

[data]
path = "prices.csv"

[space]
cell = ["lstm", "gru", "bilstm"]
layers = [1, 2]
neurons = {{ low = 8, high = 64, log = true }}
window = {{ low = 1, high = 10 }}
epochs = {{ low = 5, high = 40 }}
batch_size = [32, 64, 128]
learning_rate = {{ low = 1e-3, high = 2e-2, log = true }}
dropout = [0.0, 0.2]
input_shift = {{ low = 0, high = 2 }}
output_shift = {{ low = 1, high = 3 }}

[inputs]
search = "{search}"

[run]
workers = 1
"""


@dataclass(frozen=True)
class Outcome:
    """One study: share of the attainable skill on the locked rows, and what was chosen."""

    share: float
    inputs_found: bool
    shifts_right: bool
    inputs: int
    champion: str
    seconds: float

    def __str__(self) -> str:
        return (
            f"{self.share:.0%} of the attainable skill, true inputs "
            f"{'in' if self.inputs_found else 'NOT in'} a set of {self.inputs}, shifts "
            f"{'right' if self.shifts_right else 'WRONG'} ({self.champion}), {self.seconds:.0f} s"
        )


def run(planted: Planted, mode: str, *, trials: int, seed: int, folder: Path) -> Outcome:
    """Search and evaluate one file in `folder`, as a user would."""
    folder.mkdir(parents=True)
    planted.frame.to_csv(folder / "prices.csv", index=False)
    text = STUDY.format(
        trials=trials,
        seed=seed,
        sampler="random" if mode == "random" else "tpe",
        search="ranked" if mode == "random" else mode,
    )
    (folder / "study.toml").write_text(text)
    began = time.monotonic()
    _rnnsearch(folder, "search", "--quiet")
    answer = json.loads(_rnnsearch(folder, "evaluate", "--json"))
    seconds = time.monotonic() - began
    chosen = answer["champion"]["params"]
    # What the champion's own window and shifts let anybody know, and the most that others would.
    seen, best = (
        planted.attainable_skill(window=window, input_shift=shift, output_shift=ahead)
        for window, shift, ahead in (
            (chosen["window"], chosen["input_shift"], chosen["output_shift"]),
            (10, 0, 1),
        )
    )
    # On these very rows: a few hundred of them are kinder or less kind than all such files are.
    locked = np.searchsorted(planted.frame["Date"], pd.to_datetime(answer["dates"]))
    attainable = planted.skill_on_rows(
        locked, window=10, output_shift=min(chosen["output_shift"], planted.delay)
    )
    return Outcome(
        share=answer["table"][0]["skill"] / attainable,
        inputs_found=set(planted.truth) <= set(chosen["inputs"]),
        shifts_right=seen >= 0.9 * best,
        inputs=len(chosen["inputs"]) - 1,
        champion="{cell} {neurons} w{window} s{input_shift} h{output_shift}".format(**chosen),
        seconds=seconds,
    )


def _rnnsearch(folder: Path, command: str, *flags: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "rnnsearch", command, str(folder / "study.toml"), *flags],
        env=os.environ | {"RNNSEARCH_HOME": str(folder / "runs")},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"rnnsearch {command} failed:\n{done.stderr}")
    return done.stdout


def judge(
    kind: SignalKind, candidates: int, mode: str, seed: int, trials: int, r2: float
) -> Outcome:
    planted = plant(candidates=candidates, kind=kind, attainable_r2=r2, seed=seed)
    with tempfile.TemporaryDirectory() as name:
        outcome = run(planted, mode, trials=trials, seed=seed, folder=Path(name, "study"))
    print(f"  {kind} {candidates} {mode} seed {seed}: {outcome}", flush=True)
    return outcome


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--trials", type=int, default=60)
    parser.add_argument("--r2", type=float, default=0.3)
    parser.add_argument("--kinds", nargs="+", default=["interacting", "linear"])
    parser.add_argument("--candidates", nargs="+", type=int, default=[20, 80])
    parser.add_argument("--modes", nargs="+", choices=MODES, default=list(MODES))
    parser.add_argument("--jobs", type=int, default=2, help="studies at a time")
    asked = parser.parse_args()
    with ThreadPoolExecutor(asked.jobs) as pool:
        for kind, candidates, mode in product(asked.kinds, asked.candidates, asked.modes):
            same = (kind, candidates, mode)
            studies = [
                pool.submit(judge, *same, seed, asked.trials, asked.r2)
                for seed in range(asked.seeds)
            ]
            outcomes = [study.result() for study in studies]
            shares = [outcome.share for outcome in outcomes]
            print(
                f"{kind}, {candidates} candidates, {mode}: true inputs in "
                f"{sum(o.inputs_found for o in outcomes)}/{len(outcomes)}, shifts right in "
                f"{sum(o.shifts_right for o in outcomes)}/{len(outcomes)}, share of attainable "
                f"skill median {statistics.median(shares):.0%} (lowest {min(shares):.0%})",
                flush=True,
            )


if __name__ == "__main__":
    main()
