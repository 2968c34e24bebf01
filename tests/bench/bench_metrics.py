"""By which measure can a search compare date shifts fairly?

    python -m tests.bench.bench_metrics [--files 200] [--rows 1500] [--seed 1]

As `bench_shifts`: ridge regressions stand in for networks, a "search" is 60 of them with a shift of
1 to 5 sessions. Which shift has the best trial is counted by the gain in each measure that `[study]
metric` may name for returns. On files without a signal (a drift of an annual Sharpe ratio of 0 and
1) each shift should win one in five; on files whose return of day t hangs on one input of day t - d
with an R² of 0.05, d should. The Sharpe ratio is before costs here: costs spare whoever looks far
ahead, and are no luck.

Exits with 1 where no share from 10 to 35 % lies in the 95 % interval of a shift's wins on files of
one kind without a signal.
"""

# ruff: noqa: E402 - the environment comes before the imports

import os

for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[_name] = "1"

import argparse
import sys
import time

import numpy as np

from rnnsearch import targets
from rnnsearch.arrays import Floats
from rnnsearch.model.windows import Fold, split_rows
from rnnsearch.scoring.metrics import Scored
from rnnsearch.scoring.objectives import OBJECTIVES, Objective, Wanted, objective, valued
from rnnsearch.scoring.parts import Part
from rnnsearch.targets import Quotes
from tests.bench.bench_answer import interval
from tests.bench.bench_shifts import KINDS, SHIFTS, TRIALS, batches
from tests.helpers.simulated import BEFORE

FAIR = (0.10, 0.35)
SIZE = 0.01
"""Of a usual daily return."""
TRADE = {"position": "scaled", "sides": "long_short", "entry": "close", "cost": 0.0}
TRADE |= {"borrow": 0.0, "cash": 0.0}
CHOSEN = ("no signal, Sharpe 0.0", "no signal, Sharpe 1.0", "R² 0.05, d = 1", "R² 0.05, d = 3")


def measures(closes: Floats) -> list[Objective]:
    """Those of returns."""
    points = [o for o in OBJECTIVES.values() if o.key != "pinball_skill"]
    plain = [o for o in points if not o.unfit(targets.get("log_return"))]
    return [*plain, objective(Wanted("sharpe", TRADE, 252.0), closes, {})]


def winners(
    rng: np.random.Generator, returns: Floats, inputs: Floats, *, planted: bool
) -> list[int]:
    """Shift of the best of TRIALS trials, by each measure."""
    closes = 100 * np.exp(SIZE * returns.cumsum())
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
    seen = {h: [_parts(fold, closes, inputs, h) for fold in folds] for h in SHIFTS}
    every, tried, gains = measures(closes), [], []
    for _ in range(TRIALS):
        shift = int(rng.choice(SHIFTS))
        chosen = rng.choice(inputs.shape[1], rng.integers(2, 11), replace=False)
        if planted and rng.random() < 0.5:
            chosen = np.union1d(chosen, [0])
        penalty = 10 ** rng.uniform(-1, 3.5) * np.eye(len(chosen))
        parts = []
        for squares, products, mean, validation, part in seen[shift]:
            slopes = np.linalg.solve(squares[np.ix_(chosen, chosen)] + penalty, products[chosen])
            forecast = mean + validation[:, chosen] @ slopes
            parts.append(Part(part.scored.of(forecast), part.rows))
        tried.append(shift)
        gains.append([valued(one, parts, shift)[2] for one in every])
    return [tried[best] for best in np.argmax(gains, axis=0)]


def _parts(
    fold: Fold, closes: Floats, inputs: Floats, h: int
) -> tuple[Floats, Floats, float, Floats, Part]:
    """What a ridge regression needs, and the validation rows as they are judged."""
    target, quotes = targets.get("log_return"), Quotes(closes)
    y = target.values(closes, fold.train, h)
    known, mean = inputs[fold.train - h], float(y.mean())
    centre, spread = known.mean(axis=0), known.std(axis=0)
    known, rows = (known - centre) / spread, fold.validation
    naive = targets.naive_forecasts(target, quotes, rows, h, fold.train)
    actual = target.values(closes, rows, h)
    name = targets.hardest_of_folds([actual], [naive])
    scored = Scored(
        actual=actual,
        forecast=actual,
        naive=naive,
        hardest=naive[name],
        origin=closes[rows - h],
        target=target,
    )
    validation = (inputs[rows - h] - centre) / spread
    return known.T @ known, known.T @ (y - mean), mean, validation, Part(scored, rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=200, help="of each kind")
    parser.add_argument("--rows", type=int, default=1500)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    began, wrong = time.perf_counter(), []
    print(f"Files of which a shift has the best of {TRIALS} trials, %, h = 1 .. 5:\n")
    print("| files | by | " + " | ".join(f"h = {h}" for h in SHIFTS) + " |")
    print("|" + "---|" * (len(SHIFTS) + 2))
    for number, kind in enumerate(kind for kind in KINDS if kind.name in CHOSEN):
        files = batches(kind, asked.files, asked.rows, (asked.seed, number))
        won = np.array([winners(*file, planted=kind.shift > 0) for file in files])
        for place, one in enumerate(measures(np.ones(2))):
            wins = [int((won[:, place] == h).sum()) for h in SHIFTS]
            marks = ["**" * (h == kind.shift) for h in SHIFTS]
            shares = [
                f"{m}{100 * w / asked.files:.0f}{m}" for m, w in zip(marks, wins, strict=True)
            ]
            print(f"| {kind.name} | {one.key} | {' | '.join(shares)} |", flush=True)
            for h, w in zip(SHIFTS, wins, strict=True):
                low, high = interval(w, asked.files)
                if not kind.shift and (high < FAIR[0] or low > FAIR[1]):
                    wrong.append(f"{kind.name}, {one.key}: h = {h} wins {w / asked.files:.0%}")
    print(f"\n{time.perf_counter() - began:.0f} s")
    if wrong:
        sys.exit("; ".join(wrong))


if __name__ == "__main__":
    main()
