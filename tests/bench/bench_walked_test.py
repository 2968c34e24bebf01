"""Does the test of information err as often as it says on forecasts that are refitted on the way?

    python -m tests.bench.bench_walked_test [--files 1000] [--seed 1]

Regressions stand in for networks, on files without a signal as `bench_answer` has them: 1,500
training rows, 1,000 rows to forecast. They are fitted once, or anew every 21 sessions on all rows
known then or on the newest 500, their centre with them. The share of files that are called
informative at 5 % is shown with its 95 % interval; exits with 1 where one lies wholly above 6 %.
"""

# ruff: noqa: E402 - the environment comes before the imports

import os

for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[_name] = "1"

import argparse
import sys

import numpy as np

from rnnsearch.arrays import Floats
from rnnsearch.scoring.inference.information import information
from rnnsearch.scoring.inference.significance import LEVEL
from rnnsearch.scoring.inference.skipped import Skipped
from tests.bench.bench_answer import BATCH, FIRST, MOST, ROWS, interval
from tests.helpers.simulated import (
    BEFORE,
    ahead,
    autoregressions,
    daily,
    garch_returns,
    indicators,
    least_squares,
    mixed_persistence,
)

EVERY, NEWEST, TEST = 21, 500, ROWS[-1]
WALKS = {"one fit": None, "all rows known": 10**6, f"newest {NEWEST}": NEWEST}
KINDS = {
    "noise": (0.0, 0.0, False),
    "noise, indicators": (0.0, 0.0, True),
    "drift, Sharpe 1": (1.0, 1.0, False),
    "drift changes, Sharpe 1 to -1, indicators": (1.0, -1.0, True),
}


def walked(values: Floats, targets: Floats, horizon: int, newest: int | None) -> list[Floats]:
    """Forecasts of the test rows (B, n), and the training means that they were known with."""
    said, centre = np.empty((2, len(targets), TEST))
    for begin in range(0, TEST, EVERY if newest else TEST):
        last = FIRST + begin - horizon  # whose target is known at the block's first origin
        rows = slice(max(BEFORE, last + 1 - newest) if newest else BEFORE, last + 1)
        block = slice(begin, begin + EVERY if newest else TEST)
        told = slice(FIRST + block.start, min(FIRST + block.stop, FIRST + TEST))
        seen = slice(rows.start, told.stop)
        known = slice(0, rows.stop - rows.start)
        every = least_squares(values[:, seen], targets[:, seen], known)
        said[:, block] = every[:, told.start - rows.start :]
        centre[:, block] = targets[:, rows].mean(axis=1, keepdims=True)
    return [said, centre]


def share(kind: str, newest: int | None, horizon: int, files: int, seed: int) -> int:
    """How many files are called informative."""
    before, after, made = KINDS[kind]
    rng, called = np.random.default_rng([seed, horizon]), 0
    for begin in range(0, files, BATCH):
        count = min(BATCH, files - begin)
        returns = garch_returns(rng, count, FIRST + TEST + horizon)
        values = autoregressions(rng, mixed_persistence(5), count, returns.shape[1])
        returns[:, :FIRST] += daily(before)
        returns[:, FIRST:] += daily(after)
        if made:
            values[:, :, -3:] = indicators(returns)[:, :, :3]
        targets = ahead(returns, horizon)
        said, centre = walked(values[:, : targets.shape[1]], targets, horizon, newest)
        starts = range(FIRST + 1, FIRST + 1 + horizon)
        pieces = np.stack([returns[:, start : start + TEST] for start in starts], axis=1)
        for number in range(count):
            result = information(
                targets[number, FIRST : FIRST + TEST],
                said[number],
                [],
                pieces[number],
                horizon,
                centre[number],
            )
            called += not isinstance(result, Skipped) and result.p < LEVEL
    return called


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args(arguments)
    print("| no signal | h |" + "".join(f" {walk} |" for walk in WALKS))
    print("|---|---|" + "---|" * len(WALKS), flush=True)
    failed = False
    for kind in KINDS:
        for horizon in (1, 5):
            cells = []
            for newest in WALKS.values():
                called = share(kind, newest, horizon, asked.files, asked.seed)
                low, high = interval(called, asked.files)
                failed |= low > MOST
                cells.append(f"{100 * called / asked.files:.1f} ({100 * low:.1f}–{100 * high:.1f})")
            print(f"| {kind} | {horizon} | {' | '.join(cells)} |", flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
