"""Would trials that are put to sleep, and woken when they are next best, spare epochs for nothing?

    python -m tests.bench.bench_waking [--files 10] [--trials 60] [--seed 0]

A trial asleep keeps its weights, so stopping it loses nothing but time. The files, the space and
the networks are those of `bench_pruning`, searched in this process. Searches differ in

    none      every trial trains all its epochs
    quarter   asleep for good when, after 3 epochs or more, its best gain is below the best quarter
              of what complete trials had at that epoch
    woken     the same; and as long as all epochs trained are fewer than 1 / BUDGET of those that
              the trials so far were given, the one asleep with the highest likely end trains on
    told      as woken, and TPE takes a sleeping trial's likely end for its value
    reach     asleep for good when, after 3 epochs or more, what complete trials still gained from
              that epoch on (9 in 10 no more) would not bring it among the best tenth, which is all
              that TPE wants to know of a trial
    farthest  the same with the most that any complete trial still gained
    nearer    the same with what 3 in 4 gained no more than
    median    the product's: below the median at 3 epochs or later, and no rise for 3 epochs

Likely end: the last gain and, for each epoch that is left but for no more than were trained, the
mean rise of the last 3 epochs, halved. It was chosen before the first search ran.
"""

# ruff: noqa: E402 - the environment comes before the imports

import os

for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[_name] = "1"

import argparse
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import torch
from optuna.search_space import IntersectionSearchSpace
from optuna.trial import FrozenTrial, TrialState

from rnnsearch.config import digest, kernels_folder, load_study
from rnnsearch.model.kernels.cache import kernels_for
from rnnsearch.model.training import Diverged
from rnnsearch.search.problem import Problem
from rnnsearch.search.space.samplers import build_sampler
from rnnsearch.search.space.suggesting import suggest
from rnnsearch.search.trial.folds import TrialData
from rnnsearch.search.trial.protocol import EpochReport, Outcome
from rnnsearch.search.trial.runner import run_trial
from tests.bench.bench_pruning import SPACE
from tests.bench.measuring import own_home, write_study
from tests.helpers.planted import plant

POLICIES = ("none", "quarter", "woken", "told", "reach", "farthest", "nearer", "median")
BUDGET = 2.5
"""Epochs that the trials were given, over those that may be trained."""
FIRST = 3
"""Epochs before a trial may be stopped; also those whose mean rise is taken."""
STARTUP = 5
"""Trials before any is stopped."""


@dataclass(eq=False)
class Sleeper:
    """A trial, awake or asleep: its networks are in the generator."""

    asked: FrozenTrial
    epochs: int
    training: Iterator[EpochReport | Outcome | str]
    gains: list[float] = field(default_factory=list)
    over: bool = False

    def train(self) -> None:
        """One more epoch."""
        try:
            report = next(self.training)
        except Diverged:
            self.gains.append(-math.inf)
            self.over = True
            return
        assert isinstance(report, EpochReport)
        self.gains.append(report.gain)
        self.over = len(self.gains) == self.epochs

    @property
    def likely_end(self) -> float:
        seen = len(self.gains)
        left = min(self.epochs - seen, seen)
        back = min(FIRST, seen - 1)
        rise = (self.gains[-1] - self.gains[-1 - back]) / back if back else 0.0
        return self.gains[-1] + left * max(rise, 0.0) / 2

    def frozen(self, *, told: bool) -> FrozenTrial:
        """As the sampler sees it."""
        value = self.gains[-1] if self.over else self.likely_end
        failed = not math.isfinite(value)
        pruned = not (self.over or told) and not failed
        state = TrialState.PRUNED if pruned else TrialState.COMPLETE
        return optuna.trial.create_trial(
            state=TrialState.FAIL if failed else state,
            value=None if failed or pruned else value,
            params=self.asked.params,
            distributions=self.asked.distributions,
            intermediate_values={} if failed else dict(enumerate(self.gains, 1)),
        )


def is_out_of_reach(trial: Sleeper, others: list[Sleeper], share: float) -> bool:
    """Whether what a share of complete trials still gained would not make it one of the best."""
    epoch = len(trial.gains)
    complete = [one for one in others if one.over]
    if epoch < FIRST or len(complete) < STARTUP:
        return False
    best = sorted((one.gains[-1] for one in complete), reverse=True)
    bar = best[min(math.ceil(len(others) / 10), len(best)) - 1]
    rises = [
        max(one.gains[epoch - 1 : trial.epochs]) - one.gains[epoch - 1]
        for one in complete
        if len(one.gains) > epoch
    ]
    return bool(rises) and trial.gains[-1] + float(np.quantile(rises, share)) < bar


def _without_rise(trial: Sleeper) -> bool:
    """Whether its gain has not risen within the last epochs."""
    before, lately = trial.gains[: -FIRST - 1], trial.gains[-FIRST - 1 :]
    return bool(before) and max(lately) <= max(before)


def is_hopeless(trial: Sleeper, others: list[Sleeper], percentile: float = 75) -> bool:
    """Whether its best gain is below the best quarter of complete trials' at this epoch."""
    epoch = len(trial.gains)
    complete = [one for one in others if one.over]
    if epoch < FIRST or len(complete) < STARTUP:
        return False
    reached = [one.gains[epoch - 1] for one in complete if len(one.gains) >= epoch]
    return bool(reached) and max(trial.gains) < float(np.percentile(reached, percentile))


STOPS: dict[str, Callable[[Sleeper, list[Sleeper]], bool]] = {
    "none": lambda trial, others: False,
    "reach": lambda trial, others: is_out_of_reach(trial, others, 0.9),
    "farthest": lambda trial, others: is_out_of_reach(trial, others, 1.0),
    "nearer": lambda trial, others: is_out_of_reach(trial, others, 0.75),
    "median": lambda trial, others: _without_rise(trial) and is_hopeless(trial, others, 50),
}


def search(path: Path, policy: str, trials: int) -> tuple[int, float, list[float]]:
    """Epochs trained, epochs given, and the best complete gain after each trial."""
    problem = Problem.load(load_study(path))
    data = TrialData(
        problem.table, problem.prices.quotes, problem.split, problem.study.data.predict
    )
    device = torch.device("cpu")
    machine = kernels_for("auto", device, kernels_folder(), say=print)
    tried: list[Sleeper] = []
    best: list[float] = []
    for number in range(trials):
        seed = int(digest(problem.study.study.seed, number), 16) % 2**32
        sampler = build_sampler(problem.study, seed, IntersectionSearchSpace(include_pruned=True))
        study = optuna.create_study(direction="maximize", sampler=sampler)
        study.add_trials([one.frozen(told=policy == "told") for one in tried])
        asked = study.ask()
        parameters = suggest(asked, problem.study, problem.candidates)
        training = run_trial(parameters, data, device, machine=machine)
        trial = Sleeper(study.trials[-1], parameters.epochs, training)
        while not trial.over:
            trial.train()
            if not trial.over and STOPS.get(policy, is_hopeless)(trial, tried):
                break
        tried.append(trial)
        if policy in ("woken", "told"):
            wake(tried)
        best.append(max((one.gains[-1] for one in tried if one.over), default=-math.inf))
    return spent(tried), sum(one.epochs for one in tried), best


def spent(tried: list[Sleeper]) -> int:
    return sum(len(one.gains) for one in tried)


def wake(tried: list[Sleeper]) -> None:
    """Let those asleep train on, the most promising first, as long as the budget allows."""
    given = sum(one.epochs for one in tried)
    while asleep := [one for one in tried if not one.over]:
        next_best = max(asleep, key=lambda one: one.likely_end)
        if spent(tried) + next_best.epochs - len(next_best.gains) > given / BUDGET:
            return
        while not next_best.over:
            next_best.train()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=10)
    parser.add_argument("--trials", type=int, default=60)
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--policies", nargs="+", choices=POLICIES, default=POLICIES)
    wanted = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    torch.set_num_threads(1)
    found: dict[str, list[tuple[float, float]]] = {policy: [] for policy in wanted.policies}
    for seed in range(wanted.seed, wanted.seed + wanted.files):
        line: dict[str, Any] = {}
        for policy in wanted.policies:
            with own_home() as folder:
                path = write_study(
                    folder,
                    plant(rows=wanted.rows, candidates=20, seed=seed),
                    study={"trials": wanted.trials, "seed": seed},
                    space=SPACE,
                )
                epochs, given, best = search(path, policy, wanted.trials)
            found[policy].append((given / epochs, best[-1]))
            line[policy] = f"{epochs} of {given}, {best[-1]:.4f}"
        print(f"file {seed}: {line}", flush=True)
    base = np.array([gain for _, gain in found[wanted.policies[0]]])
    for policy, rows in found.items():
        ratio = np.median([ratio for ratio, _ in rows])
        lost = np.array([gain for _, gain in rows]) - base
        error = lost.std(ddof=1) / math.sqrt(len(lost)) if len(lost) > 1 else math.nan
        print(
            f"{policy:8} {ratio:.2f} times fewer epochs, gain {lost.mean():+.4f} (se {error:.4f})"
        )


if __name__ == "__main__":
    main()
