"""Does a search choose a date shift by chance, or the one that is in the file?

    python -m tests.bench.bench_shifts [--files 200] [--rows 1500] [--seed 1]

Ridge regressions stand in for networks: a "search" is 60 of them, each with a shift of 1 to 5
sessions, some of 34 inputs (white, persistent, indicators of the price itself) and a penalty by
chance, validated on three walk-forward folds. Which shift has the best trial is counted, by

    no change    skill against no change
    harder       skill against no change or the training mean, whichever errs less over all folds
    gain         the same skill over the overlap, `rnnsearch.scoring.gain`, which searches maximise

on files without a signal (a drift of an annual Sharpe ratio of 0, 0.5 and 1), where each shift
should win one in five, and on files whose return of day t hangs on one input of day t - d, where
d should win; half of the trials have that input, and R² is of the return of one session.

Exits with 1 where no share from 10 to 30 % lies in the 95 % interval of a shift's wins by gain on
files of one kind without a signal.
"""

# ruff: noqa: E402 - the environment comes before the imports

import os

for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[_name] = "1"

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rnnsearch import targets
from rnnsearch.arrays import Floats
from rnnsearch.model.windows import Fold, split_rows
from rnnsearch.scoring.gain import gain
from rnnsearch.scoring.metrics import skill
from tests.bench.bench_answer import interval
from tests.helpers.simulated import (
    BEFORE,
    ahead,
    autoregressions,
    daily,
    garch_returns,
    indicators,
)

SHIFTS = (1, 2, 3, 4, 5)
TRIALS = 60
BATCH = 50
WHITE, SLOW = 10, 18
VALUES = ("no change", "harder", "gain")
FAIR = (0.1, 0.3)
"""What the share of a shift may be where none is better, of five."""


@dataclass(frozen=True)
class Kind:
    """Files without a signal, or with one of `r2` from `shift` sessions before."""

    name: str
    sharpe: float = 0.0
    shift: int = 0
    r2: float = 0.0


KINDS = (
    *(Kind(f"no signal, Sharpe {sharpe}", sharpe) for sharpe in (0.0, 0.5, 1.0)),
    *(Kind(f"R² {r2:.2f}, d = {d}", 0.0, d, r2) for r2 in (0.05, 0.30) for d in (1, 2, 3, 5)),
)


@dataclass(frozen=True)
class Scored:
    """A fold as one shift sees it: what a ridge regression needs, from standardised inputs.

    squares (F, F), products (F,) of the training rows      validation (m, F)      actual (m,)
    """

    squares: Floats
    products: Floats
    mean: float
    validation: Floats
    actual: Floats
    naive: dict[str, Floats]


def batches(
    kind: Kind, files: int, rows: int, seed: Sequence[int]
) -> Iterator[tuple[np.random.Generator, Floats, Floats]]:
    """(generator, returns (T,), inputs (T, F)) of each file; input 0 is the one that may tell."""
    rng = np.random.default_rng(seed)
    persistence = np.concatenate([np.zeros(WHITE), np.linspace(0.5, 0.98, SLOW)])
    for begin in range(0, files, BATCH):
        count = min(BATCH, files - begin)
        returns = garch_returns(rng, count, BEFORE + rows)
        inputs = autoregressions(rng, persistence, count, BEFORE + rows)
        if kind.shift:
            returns *= np.sqrt(1 - kind.r2)
            returns[:, kind.shift :] += np.sqrt(kind.r2) * inputs[:, : -kind.shift, 0]
        returns += daily(kind.sharpe)
        inputs = np.concatenate([inputs, indicators(returns)], axis=2)
        for number in range(count):
            yield rng, returns[number], inputs[number]


def winners(
    rng: np.random.Generator, returns: Floats, inputs: Floats, *, planted: bool
) -> list[int]:
    """Shift of the best of TRIALS trials, by each of VALUES."""
    folds = split_rows(
        len(returns),
        warmup=BEFORE,
        max_window=1,
        max_input_shift=0,
        max_output_shift=SHIFTS[-1],
        test=0.2,
        folds=3,
        validation=0.15,
        expanding=True,
    ).folds
    scored = {h: [_scored(fold, returns, inputs, h) for fold in folds] for h in SHIFTS}
    tried: list[int] = []
    values: list[list[float]] = []
    for _ in range(TRIALS):
        shift = int(rng.choice(SHIFTS))
        chosen = rng.choice(inputs.shape[1], rng.integers(2, 11), replace=False)
        if planted and rng.random() < 0.5:
            chosen = np.union1d(chosen, [0])
        tried.append(shift)
        values.append(_values(scored[shift], chosen, 10 ** rng.uniform(-1, 3.5), shift))
    return [tried[best] for best in np.argmax(values, axis=0)]


def _scored(fold: Fold, returns: Floats, inputs: Floats, shift: int) -> Scored:
    train, validation = fold.train - shift, fold.validation - shift  # rows of their inputs
    targets = ahead(returns[None], shift)[0]
    seen, mean = inputs[train], float(targets[train].mean())
    centre, spread = seen.mean(axis=0), seen.std(axis=0)
    seen, actual = (seen - centre) / spread, targets[validation]
    return Scored(
        seen.T @ seen,
        seen.T @ (targets[train] - mean),
        mean,
        (inputs[validation] - centre) / spread,
        actual,
        {"no change": np.zeros_like(actual), "average": np.full_like(actual, mean)},
    )


def _values(
    folds: list[Scored], chosen: NDArray[np.int64], penalty: float, shift: int
) -> list[float]:
    """What a trial is worth by each of VALUES; skill is the mean of the folds, as in a search."""
    plain, harder, errors, bets = [], [], [], []
    name = targets.hardest_of_folds([f.actual for f in folds], [f.naive for f in folds])
    for fold in folds:
        hardest = fold.naive[name]
        ridge = fold.squares[np.ix_(chosen, chosen)] + penalty * np.eye(len(chosen))
        slopes = np.linalg.solve(ridge, fold.products[chosen])
        forecast = fold.mean + fold.validation[:, chosen] @ slopes
        plain.append(skill(fold.actual, forecast, np.zeros_like(fold.actual)))
        harder.append(skill(fold.actual, forecast, hardest))
        errors.append(fold.actual - hardest)
        bets.append(forecast - hardest)
    mean = float(np.mean(harder))
    return [float(np.mean(plain)), mean, gain(mean, errors, bets, shift)]


def main(arguments: list[str] | None = None, show: Callable[[str], None] = print) -> int:
    parser = argparse.ArgumentParser(prog="bench_shifts", description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=200, help="of each kind")
    parser.add_argument("--rows", type=int, default=1500, help="of each file, a fifth is not used")
    parser.add_argument("--seed", type=int, default=1)
    wanted = parser.parse_args(arguments)
    began = time.perf_counter()
    failures: list[str] = []
    show(f"Files of which a shift has the best of {TRIALS} trials (%, 95 % interval):\n")
    shifts = "".join(f"{f'h = {h}':>18}" for h in SHIFTS)
    show(f"{'files':<22}{'best by':<10}{shifts}")
    for number, kind in enumerate(KINDS):
        files = batches(kind, wanted.files, wanted.rows, (wanted.seed, number))
        won = np.array([winners(*file, planted=kind.shift > 0) for file in files])
        for place, value in enumerate(VALUES):
            text = ""
            for shift in SHIFTS:
                wins = int((won[:, place] == shift).sum())
                share, (low, high) = wins / wanted.files, interval(wins, wanted.files)
                mark = "*" if shift == kind.shift else ""
                part = f"{mark}{100 * share:.0f} ({100 * low:.0f} to {100 * high:.0f})"
                text += f"{part:>18}"
                unfair = high < FAIR[0] or low > FAIR[1]
                if value == "gain" and not kind.shift and unfair:
                    failures.append(f"{kind.name}: h = {shift} wins {part} by gain")
            show(f"{kind.name:<22}{value:<10}{text}")
    show(f"\n* the shift of the signal    {time.perf_counter() - began:.0f} s")
    for failure in failures:
        show(f"NOT HELD: {failure}")
    return int(bool(failures))


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    sys.exit(main())
