"""How often does the test of drift cry wolf, looked at every day, and how soon does it see one?

    python -m tests.bench.bench_drift [--series 500] [--rows 1000] [--seed 1]

A forecast departs from doing nothing by `d`, and what comes is `tau d` and noise on average: a
GARCH(1,1) with Student's t (5), the same with skewed draws, or a window of real returns (S&P 500
and NASDAQ of `arch`, 1999 to 2018, less their mean). With tau = 1/2 the forecast is exactly as good
as doing nothing: alarms are false. With tau = 1 it says what is so, with 0 it has lost all that it
knew, with -1/2 it says the opposite of a half of it. `d` has the size that R² 0.02 of a move gives
it, white or persistent (0.9), or that of a usual move (garbage). Beside it: how often a one-sided
t-test of the difference in squared errors, made for one look, has been below 5 % on some day since
the 20th.

Exits with 1 where false alarms are more often than in 6 %.
"""

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np

from rnnsearch.arrays import Floats
from rnnsearch.scoring.inference.drift import sequential
from rnnsearch.scoring.inference.significance import LEVEL
from rnnsearch.scoring.volatility import recent_size

BEFORE = 300
"""Sessions before the first forecast, from which the usual move is known."""

FREEDOM, SHOCK, MEMORY = 5, 0.08, 0.9


@dataclass(frozen=True)
class Case:
    """`tau` of the first and the second half of the sessions."""

    name: str
    first: float
    second: float
    null: bool = False
    memory: float = 0.0
    size: float = 0.02**0.5
    skewed: bool = False
    above: bool = False  # it always says more than doing nothing
    real: bool = False


CASES = (
    Case("as good as doing nothing", 0.5, 0.5, null=True),
    Case("the same, persistent", 0.5, 0.5, null=True, memory=0.9),
    Case("the same, skewed returns", 0.5, 0.5, null=True, skewed=True),
    Case("the same, skewed, always above", 0.5, 0.5, null=True, skewed=True, above=True),
    Case("the same, far from doing nothing", 0.5, 0.5, null=True, size=1.0),
    Case("the same, real returns", 0.5, 0.5, null=True, real=True),
    Case("the same, real returns, persistent", 0.5, 0.5, null=True, real=True, memory=0.9),
    Case("the same, real returns, always above", 0.5, 0.5, null=True, real=True, above=True),
    Case("says what is so", 1.0, 1.0, null=True),
    Case("has lost what it knew", 0.0, 0.0),
    Case("loses it halfway", 1.0, 0.0),
    Case("says the opposite", -0.5, -0.5),
    Case("says the opposite from halfway on", 1.0, -0.5),
    Case("garbage", 0.0, 0.0, size=1.0),
    Case("garbage from halfway on", 1.0, 0.0, size=1.0),
)


def noise(rng: np.random.Generator, rows: int, skewed: bool) -> Floats:
    """Returns of variance 1 that nobody can forecast: (rows,)."""
    if skewed:
        draws = (4 - rng.gamma(4, size=rows)) / 2  # skewness -1
    else:
        draws = rng.standard_t(FREEDOM, rows) * np.sqrt((FREEDOM - 2) / FREEDOM)
    variance, returns = 1.0, np.empty(rows)
    for row, draw in enumerate(draws.tolist()):
        returns[row] = np.sqrt(variance) * draw
        variance = (1 - SHOCK - MEMORY) + SHOCK * returns[row] ** 2 + MEMORY * variance
    return returns


@cache
def real_returns() -> tuple[Floats, ...]:
    from arch.data import nasdaq, sp500  # two seconds

    closes = [data.load()["Close"].to_numpy(np.float64) for data in (sp500, nasdaq)]
    moves = [np.diff(np.log(close)) for close in closes]
    return tuple((move - move.mean()) / move.std() for move in moves)


def window(rng: np.random.Generator, rows: int) -> Floats:
    """Consecutive real returns: (rows,)."""
    returns = real_returns()[rng.integers(2)]
    first = int(rng.integers(len(returns) - rows))
    return returns[first : first + rows]


def departures(rng: np.random.Generator, rows: int, memory: float) -> Floats:
    """What a forecast says beside doing nothing, of variance 1: (rows,)."""
    shocks, state = rng.standard_normal(rows), 0.0
    said = np.empty(rows)
    for row, shock in enumerate(shocks.tolist()):
        state = memory * state + np.sqrt(1 - memory**2) * shock
        said[row] = state
    return said


def run(case: Case, rng: np.random.Generator, rows: int, horizon: int, two: bool) -> Floats:
    """p of being worse after each of `rows` outcomes: (rows,)."""
    return both(case, rng, rows, horizon, two)[0]


def both(
    case: Case, rng: np.random.Generator, rows: int, horizon: int, two: bool
) -> tuple[Floats, bool]:
    """The same, and whether a test made for one look was significant on some day."""
    count = BEFORE + rows + horizon
    returns = window(rng, count) if case.real else noise(rng, count, case.skewed)
    summed = np.concatenate([[0.0], np.cumsum(returns)])
    usual = recent_size(returns, 1.0)[BEFORE : BEFORE + rows] * np.sqrt(horizon)
    came = summed[BEFORE + horizon : BEFORE + horizon + rows] - summed[BEFORE : BEFORE + rows]
    said = case.size * np.sqrt(horizon) * departures(rng, rows, case.memory)
    said = np.abs(said) if case.above else said
    tau = np.where(np.arange(rows) < rows // 2, case.first, case.second)
    naive = [np.zeros(rows), np.full(rows, 0.03 * horizon)] if two else [np.zeros(rows)]
    came += tau * said
    test = sequential(came, said, naive, usual, horizon)
    return test.worse, _on_some_day((came - said) ** 2 - came**2, horizon)


def _on_some_day(losses: Floats, horizon: int) -> bool:
    """Whether the mean of the first n losses was once above 0 by more than 1.645 standard errors;
    of overlapping ones every `horizon`-th counts."""
    losses = losses[::horizon]
    n = np.arange(1, len(losses) + 1)
    mean = np.cumsum(losses) / n
    deviation = np.sqrt(np.maximum(np.cumsum(losses**2) / n - mean**2, 1e-30))
    return bool((mean / deviation * np.sqrt(n) > 1.645)[20:].any())


def main(arguments: list[str] | None = None, show: Callable[[str], None] = print) -> int:
    parser = argparse.ArgumentParser(prog="bench_drift", description=__doc__.splitlines()[0])
    parser.add_argument("--series", type=int, default=500, help="of each kind")
    parser.add_argument("--rows", type=int, default=1000, help="sessions looked at")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--horizons", type=int, nargs="+", default=[1, 5])
    wanted = parser.parse_args(arguments)
    worst = 0.0
    rows = wanted.rows
    by = f"{rows // 4}, {rows // 2}, {rows}"
    show(f"| the forecast | h | alarms by {by} (%) | median session | a test for one look (%) |")
    show("|---|---|---|---|---|")
    for case in CASES:
        for horizon in wanted.horizons:
            for two in (False, True) if case.null else (True,):
                rng = np.random.default_rng([wanted.seed, horizon])
                courses = [both(case, rng, rows, horizon, two) for _ in range(wanted.series)]
                alarm = np.array([_first(course) for course, _ in courses])
                fooled = 100 * float(np.mean([once for _, once in courses]))
                shares = [float((alarm < n).mean()) for n in (rows // 4, rows // 2, rows)]
                median = float(np.median(alarm))
                name = f"{case.name}{'' if two or not case.null else ' (one naive forecast)'}"
                told = " / ".join(f"{100 * share:.1f}" for share in shares)
                late = f"{median + 1:.0f}" if np.isfinite(median) else "–"
                show(f"| {name} | {horizon} | {told} | {late} | {fooled:.0f} |")
                if case.null:
                    worst = max(worst, shares[-1])
    return int(worst > 0.06)


def _first(course: Floats) -> float:
    below = np.flatnonzero(course <= LEVEL)
    return float(below[0]) if len(below) else np.inf


if __name__ == "__main__":
    sys.exit(main())
