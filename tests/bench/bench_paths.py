"""Direct, decoder, attention: which says paths best, where what is to be said is known?

    python -m tests.bench.bench_paths [--files 10] [--trials 4] [--seed 1] [--only KIND]
        [--heads direct decoder attention]

Files whose truth is known, of 1,200 rows of log returns with standard normal noise:

    ar    r_t = 0.35 r_t-1 + e_t; ten steps at once: what is known of the first fades
    copy  r_t = 0.65 r_t-8 + e_t; eight steps at once: the last eight returns come again, in order

For each file and head the same number of trials from the same space, drawn at random with the same
seed (a decoder draws its teacher forcing beside it). The best on validation rows is trained on all
rows before the test, with two seeds. Shown is its mean skill over the steps on the locked rows, and
that of the truth, which forecasts with the coefficient and the returns that are known.
"""

# ruff: noqa: E402 - the environment comes before the imports

import os

for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[_name] = "1"
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"

import argparse
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import optuna
import pandas as pd

from rnnsearch.arrays import Floats
from rnnsearch.config import StudyFile, load_study
from rnnsearch.model.networks.network import heads
from rnnsearch.model.paths import apart
from rnnsearch.model.windows import window_ends
from rnnsearch.scoring import metrics
from rnnsearch.search.problem import Problem
from rnnsearch.search.space.suggesting import suggest
from rnnsearch.search.store.view import TrialView
from rnnsearch.search.trial.folds import TrialData
from rnnsearch.search.trial.packing import unpack
from rnnsearch.search.trial.protocol import Outcome
from rnnsearch.search.trial.runner import run_trial
from rnnsearch.verdict.champion import Candidate
from rnnsearch.verdict.comparison import scored_rows
from rnnsearch.verdict.refit import refit

ROWS, SCALE = 1200, 0.01
KINDS = {"ar": (1, 0.35, 10), "copy": (8, 0.65, 8)}
"""Lag, coefficient, steps."""

SPACE = """
cell = ["lstm", "gru"]
layers = 1
neurons = [16, 32]
window = [10, 16]
epochs = 20
batch_size = 64
learning_rate = { low = 2e-3, high = 1e-2, log = true }
weight_decay = { low = 0.01, high = 0.3, log = true }
dropout = 0.0
input_shift = 0
output_shift = 1
"""


def returns(kind: str, rng: np.random.Generator) -> Floats:
    lag, phi, _ = KINDS[kind]
    r = rng.normal(size=ROWS)
    for row in range(lag, ROWS):
        r[row] += phi * r[row - lag]
    return r


def study_of(folder: Path, kind: str, head: str, seed: int) -> StudyFile:
    path = folder / f"{kind}-{head}.toml"
    path.write_text(
        f'[study]\nseed = {seed}\n[data]\npath = "{kind}.csv"\nsteps = {KINDS[kind][2]}\n'
        f'[split]\nfolds = 1\nvalidation = 0.2\n[space]\nhead = "{head}"\n{SPACE}'
        '[inputs]\nindicators = "none"\nsearch = "all"\n[run]\ndevice = "cpu"\n'
    )
    return load_study(path)


def skill_of(study: StudyFile, trials: int) -> tuple[float, float]:
    """Of the best of so many trials: mean skill over the steps on the locked rows, and gain on
    validation rows."""
    import torch

    problem = Problem.load(study)
    data = TrialData(problem.table, problem.prices.quotes, problem.split, "log_return")
    sampler = optuna.samplers.RandomSampler(seed=study.study.seed)
    asked = optuna.create_study(sampler=sampler)
    best: Candidate | None = None
    for _ in range(trials):
        parameters = suggest(asked.ask(), study, problem.candidates)
        *_, outcome = run_trial(parameters, data, torch.device("cpu"))
        assert isinstance(outcome, Outcome)
        if best is None or outcome.gain > best.gain:
            trial = TrialView(optuna.trial.create_trial(value=outcome.gain))
            said = unpack(outcome.forecasts).reshape(-1, problem.steps)
            best = Candidate(trial, parameters, (outcome.skill,), (outcome.gain,), (said,))
    assert best is not None
    champion = refit(problem, best, 2, lambda _: None)
    assert champion is not None
    ends = window_ends(problem.split.test, 1)
    said = champion.forecast_rows(problem.prices, problem.table, ends).mean(axis=0)
    return skill_on_test(problem, apart(said, problem.steps)), best.gain


def skill_on_test(problem: Problem, said: list[Floats]) -> float:
    skills = []
    for step, forecast in enumerate(said):
        rows, train = problem.split.test + step, problem.split.refit.train + step
        test = scored_rows(problem.prices.quotes, rows, 1 + step, problem.target, train)
        skills.append(metrics.skill(test.actual, forecast, test.hardest_naive))
    return float(np.mean(skills))


def truth(study: StudyFile, kind: str, r: Floats) -> float:
    """What the coefficient says of the locked rows."""
    problem = Problem.load(study)
    lag, phi, steps = KINDS[kind]
    said = []
    for origin in window_ends(problem.split.test, 1):
        known = r[: origin + 1].tolist()
        for _ in range(steps):
            known.append(phi * known[-lag])
        said.append(SCALE * np.cumsum(known[-steps:]))
    return skill_on_test(problem, apart(np.array(said), steps))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=10)
    parser.add_argument("--trials", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=[*KINDS])
    parser.add_argument("--heads", nargs="+", choices=[*heads()], default=[*heads()])
    chosen = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    for kind in [chosen.only] if chosen.only else KINDS:
        found = []
        for number in range(chosen.files):
            rng = np.random.default_rng([chosen.seed, number])
            r = returns(kind, rng)
            with tempfile.TemporaryDirectory() as name:
                folder = Path(name)
                os.environ["RNNSEARCH_HOME"] = str(folder / "runs")
                dates = pd.bdate_range("2010-01-04", periods=ROWS)
                close = 100 * np.exp(SCALE * np.cumsum(r))
                frame = pd.DataFrame({"Date": dates, "Close": close})
                frame.to_csv(folder / f"{kind}.csv", index=False, float_format="%.10g")
                began = time.perf_counter()
                told: list[float] = []
                for head in chosen.heads:
                    study = study_of(folder, kind, head, chosen.seed + number)
                    told += skill_of(study, chosen.trials)
                best = truth(study, kind, r)
            found.append([*told[::2], best])
            print(
                f"{kind} {number}: {_of_each(chosen.heads, told[::2])}, truth {best:+.4f}; gains "
                f"{_of_each(chosen.heads, told[1::2])}; {time.perf_counter() - began:.0f} s",
                flush=True,
            )
        every = np.array(found)
        print(f"{kind}: {_of_each([*chosen.heads, 'truth'], every.mean(axis=0))}", flush=True)
        for column, head in list(enumerate(chosen.heads))[1:]:
            apart_by = every[:, column] - every[:, 0]
            error = apart_by.std(ddof=1) / np.sqrt(len(found)) if len(found) > 1 else np.nan
            print(
                f"{kind}: {head} less {chosen.heads[0]} {apart_by.mean():+.4f} (standard error "
                f"{error:.4f}), better on {int((apart_by > 0).sum())} of {len(found)} files",
                flush=True,
            )


def _of_each(names: Sequence[str], values: Sequence[float]) -> str:
    return ", ".join(f"{name} {value:+.4f}" for name, value in zip(names, values, strict=True))


if __name__ == "__main__":
    main()
