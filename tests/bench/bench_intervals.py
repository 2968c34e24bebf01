"""Do intervals hold what they promise, quarter by quarter of the test?

    python -m tests.bench.bench_intervals [--series 200] [--rows 5000] [--level 0.9] [--step 0.2]

Forecasts are the mean move of the training rows: what intervals have to cope with is the price, not
the network. Rows are cut as a study cuts them. Before: one width, from the validation errors (split
conformal). After: scaled by recent volatility, and adaptive. Real series are those of `arch`,
simulated ones are random walks, GARCH and GJR-GARCH with Student's t (6), one seed each.

Exits with 1 where a quarter of the S&P 500's test leaves 87 to 93 % (of 90), at 1, 3 or 5 sessions.
"""

import argparse
import math
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from arch import arch_model
from arch.data import nasdaq, sp500
from arch.univariate import StudentsT
from numpy.typing import NDArray

from rnnsearch import targets
from rnnsearch.arrays import Floats
from rnnsearch.model.forecasting.bands import Moves, radii
from rnnsearch.model.windows import split_rows
from rnnsearch.scoring import intervals
from rnnsearch.scoring.inference.skipped import Skipped

HORIZONS = (1, 3, 5)
NEAR = 0.03
SIMULATED: dict[str, list[float]] = {  # mu, omega, alpha, gamma, beta, degrees of freedom; percent
    "random walk": [0.0, 1.0, 0.0, 0.0, 0.0, 6.0],
    "GARCH": [0.0, 0.02, 0.08, 0.0, 0.90, 6.0],
    "GJR": [0.0, 0.02, 0.02, 0.12, 0.90, 6.0],
}


@dataclass(frozen=True)
class Held:
    """quarters (4,): the share held on each; width: the mean, in shares of the price."""

    quarters: Floats
    width: float


def simulate(kind: str, rows: int, seed: int) -> Floats:
    """(rows,) prices."""
    model = arch_model(None, mean="Constant", vol="GARCH", p=1, o=1, q=1)
    model.distribution = StudentsT(seed=np.random.default_rng(seed))
    moves = model.simulate(SIMULATED[kind], rows, burn=500)["data"].to_numpy(np.float64)
    return np.asarray(100 * np.exp(np.cumsum(moves / 100)), dtype=np.float64)


def held(close: Floats, horizon: int, level: float) -> tuple[Held, Held]:
    """What the intervals of a mean forecast hold, before and after."""
    split = split_rows(
        len(close),
        warmup=80,
        max_window=60,
        max_input_shift=5,
        max_output_shift=horizon,
        test=0.2,
        folds=3,
        validation=0.1,
        expanding=True,
    )

    target = targets.get("log_return")

    def values(rows: NDArray[np.int64]) -> Floats:
        return target.values(close, rows, horizon)

    errors = np.concatenate(
        [values(f.train).mean() - values(f.validation) for f in split.folds],
    )
    forecast = float(values(split.refit.train).mean())
    actual = values(split.test)
    history = close[: split.refit.history.stop]
    moves = Moves.fit(history, target)
    # Those since the training ended, as a champion's are; the first few lie before the test.
    origins = np.arange(len(history) - 1, len(close) - horizon, dtype=np.int64)
    after = radii(
        close,
        origins,
        np.full(len(origins), forecast),
        calibration=errors / moves.at(history)[split.validation - horizon],
        moves=moves,
        since=len(origins),
        horizon=horizon,
        target=target,
        alpha=1 - level,
    )[-len(actual) :]
    before = intervals.conformal_radius(errors, 1 - level)
    assert not isinstance(before, Skipped)

    def judge(radius: Floats) -> Held:
        inside = np.abs(actual - forecast) <= radius
        quarters = np.array([part.mean() for part in np.array_split(inside, 4)])
        return Held(quarters, float(np.mean(np.exp(forecast) * 2 * np.sinh(radius))))

    return judge(np.full(len(actual), before)), judge(after)


def real() -> Iterator[tuple[str, Floats]]:
    for name, data in (("S&P 500", sp500), ("NASDAQ", nasdaq)):
        yield name, data.load()["Close"].to_numpy(np.float64)


def main(arguments: list[str] | None = None, show: Callable[[str], None] = print) -> int:
    parser = argparse.ArgumentParser(prog="bench_intervals", description=__doc__.splitlines()[0])
    parser.add_argument("--series", type=int, default=200, help="simulated series of each kind")
    parser.add_argument("--rows", type=int, default=5000, help="of each simulated series")
    parser.add_argument("--level", type=float, default=0.9, help="what intervals promise")
    parser.add_argument("--step", type=float, default=intervals.STEP, help="how fast they adapt")
    wanted = parser.parse_args(arguments)
    intervals.STEP = wanted.step
    inside = True
    show("| series | h | before, by quarter (%) | after, by quarter (%) | width after / before |")
    show("|---|---|---|---|---|")
    for name, close in real():
        for horizon in HORIZONS:
            before, after = held(close, horizon, wanted.level)
            show(
                f"| {name} | {horizon} | {_percents(before.quarters)} | "
                f"{_percents(after.quarters)} | {after.width / before.width:.2f} |"
            )
            if name == "S&P 500":
                inside &= bool((np.abs(after.quarters - wanted.level) <= NEAR).all())
    show("")
    show(
        "| simulated | h | held before, after (%) | spread over quarters | quarters within "
        f"{100 * NEAR:.0f} points (%) | width after / before |"
    )
    show("|---|---|---|---|---|---|")
    for kind in SIMULATED:
        closes = [simulate(kind, wanted.rows, seed) for seed in range(wanted.series)]
        for horizon in HORIZONS:
            pairs = [held(close, horizon, wanted.level) for close in closes]
            show(f"| {kind} | {horizon} | {_simulated(pairs, wanted.level)} |")
    show(f"\n±: standard error over {wanted.series} series.")
    return int(not inside)


def _simulated(pairs: list[tuple[Held, Held]], level: float) -> str:
    columns: list[list[str]] = [[], [], []]
    for one in zip(*pairs, strict=True):
        quarters = np.array([each.quarters for each in one])
        near = np.abs(quarters - level) <= NEAR
        columns[0].append(_with_error(quarters))
        columns[1].append(f"{100 * quarters.std():.1f}")
        columns[2].append(_with_error(near))
    ratio = sum(after.width for _, after in pairs) / sum(before.width for before, _ in pairs)
    return " | ".join([*(", ".join(column) for column in columns), f"{ratio:.2f}"])


def _with_error(quarters: NDArray[Any]) -> str:
    """Mean in percent, and its standard error over series, whose quarters depend on each other."""
    means = quarters.mean(axis=1)
    error = means.std(ddof=1) / math.sqrt(len(means)) if len(means) > 1 else math.nan
    return f"{100 * means.mean():.1f} ± {100 * error:.1f}"


def _percents(shares: Floats) -> str:
    return ", ".join(f"{100 * share:.1f}" for share in shares)


if __name__ == "__main__":
    sys.exit(main())
