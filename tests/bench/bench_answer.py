"""Do the tests of the answer err as often as they say, and see signals as weak as real ones?

    python -m tests.bench.bench_answer [--files 1000] [--only WORD] [--seed 1]

Regressions stand in for networks, so that there can be a thousand files of each kind: 1,500
training rows, forecasts of the 1,000 rows after them, tested on the first 250, 500 and 1,000. The
share of files that each test calls is shown, at 5 %:

    informative   rnnsearch.scoring.inference.information, with its 95 % interval over files
    Clark-West    against the training mean, Newey & West's variance
    no change     Diebold-Mariano: more accurate than no change
    average       Diebold-Mariano: more accurate than the training mean
    better        than both, which is what the verdict calls better

Then the openings of one test: each new champion is a mutation of the best so far. Exits with 1
where a kind of file without any signal is called informative or better in more than 6 %, or the
openings together err in more than 5 %, or signals of R² 0.02 are seen too seldom.
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
from typing import TypeAlias

import numpy as np

from rnnsearch.arrays import Floats
from rnnsearch.scoring.inference.information import clark_west, information
from rnnsearch.scoring.inference.significance import LEVEL, diebold_mariano
from rnnsearch.scoring.inference.skipped import Skipped
from tests.helpers.simulated import (
    BEFORE,
    INDICATORS,
    ahead,
    autoregressions,
    daily,
    garch_returns,
    indicators,
    least_squares,
    mixed_persistence,
)

TRAIN = 1500
ROWS = (250, 500, 1000)
BATCH = 100
MOST = 0.06
TESTS = ("informative", "Clark-West", "no change", "average", "better")
FIRST = BEFORE + TRAIN
"""Session of the first test origin."""


@dataclass(frozen=True)
class Files:
    """The test rows of a batch: (B, n) all, `pieces` (B, h, n), `centre` (B,) known before them.

    `nothing` and `average` are the naive forecasts; `known` says that `nothing` varies and is what
    information must go beyond.
    """

    actual: Floats
    forecast: Floats
    nothing: Floats
    average: Floats
    pieces: Floats | None
    centre: Floats


Make: TypeAlias = Callable[[np.random.Generator, int, int], Files]
"""(generator, files, horizon) -> Files"""


@dataclass(frozen=True)
class Kind:
    """One kind of file. `wanted` is the least power with 1,000 rows, None where nothing is true."""

    name: str
    make: Make
    horizons: tuple[int, ...]
    signal: bool = False
    wanted: float | None = None


def kinds() -> Iterator[Kind]:
    every = (1, 5, 10)
    for inputs in (5, 20):
        for name, options in (
            ("noise", {}),
            ("noise, indicators", {"made": "indicators"}),
            ("noise, the price is an input", {"made": "price"}),
            ("drift, Sharpe 0.5", {"sharpe": (0.5, 0.5)}),
            ("drift, Sharpe 1", {"sharpe": (1.0, 1.0)}),
            ("drift changes, Sharpe 1 to -1", {"sharpe": (1.0, -1.0)}),
            ("drift changes, indicators", {"sharpe": (1.0, -1.0), "made": "indicators"}),
            ("direction, noise", {"sharpe": (0.0, 0.0), "target": "direction"}),
            ("direction, drift changes", {"sharpe": (1.0, -1.0), "target": "direction"}),
        ):
            yield Kind(f"{name} | {inputs} inputs", log_returns(inputs, **options), every)
    yield Kind("only the mean, Sharpe 1 | 0 inputs", only_the_mean, every)
    yield Kind("useless, scaled by volatility | 1 inputs", scaled_by_volatility, every)
    for name, labels in (("level of a random walk", False), ("level of labels", True)):
        yield Kind(f"{name} | 5 inputs", level(labels), every)
    for r2 in (0.01, 0.02, 0.05, 0.30):
        for inputs in (5, 20):
            for phi, word in ((0.0, "white"), (0.98, "slow")):
                make = log_returns(inputs, r2=r2, phi=phi)
                wanted = 0.8 if r2 >= 0.02 and not phi else None
                name = f"R² {r2:.2f}, {word} | {inputs} inputs"
                yield Kind(name, make, (1,), signal=True, wanted=wanted)
                yield Kind(name, make, (5,), signal=True)
    for r2 in (0.02, 0.05):
        make = log_returns(5, r2=r2, target="direction")
        yield Kind(f"direction, R² {r2:.2f} | 5 inputs", make, (1, 5), signal=True)
        yield Kind(f"level, R² {r2:.2f} | 5 inputs", level(False, r2), (1, 5), signal=True)


def log_returns(
    inputs: int,
    *,
    sharpe: tuple[float, float] = (0.0, 0.0),
    made: str = "",
    r2: float = 0.0,
    phi: float = 0.0,
    target: str = "log_return",
) -> Make:
    """Returns with drift in training and test, and their forecasts from `inputs` inputs.

    R² is that of the target: what input 0 (phi 0) or 3 (phi 0.98) of a session tells about the
    next h, as a share of the variance of their sum. `made` puts indicators or the price itself in
    the place of the last inputs.
    """

    def make(rng: np.random.Generator, files: int, horizon: int) -> Files:
        returns = garch_returns(rng, files, FIRST + ROWS[-1] + horizon)
        values = autoregressions(rng, mixed_persistence(inputs), files, returns.shape[1])
        if r2:
            reach = sum(phi**lag for lag in range(horizon))
            strength = np.sqrt(r2 * horizon / (1 - r2)) / reach
            returns[:, 1:] += strength * values[:, :-1, 3 if phi else 0]
        returns[:, :FIRST] += daily(sharpe[0])
        returns[:, FIRST:] += daily(sharpe[1])
        if made == "indicators":
            values[:, :, -min(inputs, INDICATORS) :] = indicators(returns)[:, :, :inputs]
        elif made == "price":
            values[:, :, -1] = returns.cumsum(axis=1)
        targets = ahead(returns, horizon)
        if target == "direction":
            targets = (targets > 0).astype(np.float64)
        forecasts = least_squares(values[:, : targets.shape[1]], targets, _training(horizon))
        if target == "direction":
            forecasts = np.clip(forecasts, 0, 1)
            return _files(targets, forecasts, targets, horizon, nothing=0.5)
        return _files(targets, forecasts, returns, horizon)

    return make


def only_the_mean(rng: np.random.Generator, files: int, horizon: int) -> Files:
    """Drift, and a forecast that is its training mean, with a jitter that means nothing."""
    returns = garch_returns(rng, files, FIRST + ROWS[-1] + horizon) + daily(1.0)
    targets = ahead(returns, horizon)
    jitter = autoregressions(rng, np.array([0.9]), files, targets.shape[1])[:, :, 0]
    mean = targets[:, _training(horizon)].mean(axis=1, keepdims=True)
    return _files(targets, mean + 0.01 * jitter, returns, horizon)


def scaled_by_volatility(rng: np.random.Generator, files: int, horizon: int) -> Files:
    """A useless forecast that is larger where returns are wilder."""
    returns = garch_returns(rng, files, FIRST + ROWS[-1] + horizon)
    variance = np.ones_like(returns)
    for session in range(1, returns.shape[1]):
        variance[:, session] = 0.94 * variance[:, session - 1] + 0.06 * returns[:, session] ** 2
    says = autoregressions(rng, np.array([0.9]), files, returns.shape[1])[:, :, 0]
    targets = ahead(returns, horizon)
    forecasts = (0.1 * says * np.sqrt(variance))[:, : targets.shape[1]]
    return _files(targets, forecasts, returns, horizon)


def level(labels: bool, r2: float = 0.0) -> Make:
    """Prices, or independent labels, forecast from the last one and inputs.

    On prices two of the five inputs are the last price and its mean of 20 sessions; R² is that of
    input 0 for the change of the next session.
    """

    def make(rng: np.random.Generator, files: int, horizon: int) -> Files:
        returns = garch_returns(rng, files, FIRST + ROWS[-1] + horizon)
        values = autoregressions(rng, mixed_persistence(5), files, returns.shape[1])
        returns[:, 1:] += np.sqrt(r2 / (1 - r2)) * values[:, :-1, 0]
        prices = 100 + returns if labels else 100 * np.exp(0.01 * returns.cumsum(axis=1))
        values[:, :, 3] = prices
        if not labels:
            values[:, :, 4] = prices + indicators(returns)[:, :, 4]
        targets = prices[:, horizon:]
        values, last = values[:, : targets.shape[1]], prices[:, : targets.shape[1]]
        forecasts = last + least_squares(values, targets - last, _training(horizon))
        return _files(targets, forecasts, targets, horizon, nothing=last)

    return make


def _training(horizon: int) -> slice:
    return slice(BEFORE, FIRST - horizon)


def _files(
    targets: Floats,
    forecasts: Floats,
    returns: Floats,
    horizon: int,
    nothing: Floats | float = 0.0,
) -> Files:
    test = slice(FIRST, FIRST + ROWS[-1])
    centre = targets[:, _training(horizon)].mean(axis=1)
    actual = targets[:, test]
    pieces = None
    if returns is not targets:  # sums of returns
        starts = range(FIRST + 1, FIRST + 1 + horizon)
        pieces = np.stack([returns[:, start : start + ROWS[-1]] for start in starts], axis=1)
    return Files(
        actual,
        forecasts[:, test],
        nothing[:, test] if isinstance(nothing, np.ndarray) else np.full_like(actual, nothing),
        np.broadcast_to(centre[:, None], actual.shape),
        pieces,
        centre,
    )


def called(files: Files, number: int, rows: int, horizon: int) -> list[bool]:
    """What each of TESTS says of the first `rows` test rows of one file."""
    y, f = files.actual[number, :rows], files.forecast[number, :rows]
    nothing, average = files.nothing[number, :rows], files.average[number, :rows]
    pieces = None if files.pieces is None else files.pieces[number, :, :rows]
    centre = float(files.centre[number])
    found = information(y, f, [nothing, average], pieces, horizon, centre)
    nested = clark_west(y, f, average, horizon)
    losses = (y - f) ** 2
    against = [diebold_mariano(losses, (y - naive) ** 2, horizon) for naive in (nothing, average)]
    p_values = [1.0 if isinstance(test, Skipped) else test.p_better for test in against]
    others = [1.0 if isinstance(test, Skipped) else test.p for test in (found, nested)]
    return [p < LEVEL for p in (*others, *p_values, max(p_values))]


def count(kind: Kind, horizon: int, files: int, seed: Sequence[int]) -> dict[int, Floats]:
    """How many of the files each test calls, by rows."""
    rng = np.random.default_rng(seed)
    counts = {rows: np.zeros(len(TESTS)) for rows in ROWS}
    for begin in range(0, files, BATCH):
        batch = kind.make(rng, min(BATCH, files - begin), horizon)
        for rows in ROWS:
            for number in range(len(batch.actual)):
                counts[rows] += called(batch, number, rows, horizon)
    return counts


def interval(hits: float, files: int) -> tuple[float, float]:
    """Clopper and Pearson's 95 % interval of a share."""
    from statsmodels.stats.proportion import proportion_confint

    low, high = proportion_confint(round(hits), files, alpha=0.05, method="beta")
    return float(low), float(high)


OPENINGS = (1, 2, 3, 5, 10)
RULES: dict[str, Callable[[int], float]] = {
    "p": lambda opening: 1.0,
    "p × opening": lambda opening: float(opening),
    "p × 2^opening": lambda opening: 2.0**opening,
    "p × 1.25, 10, 20, 40 ...": lambda opening: 1.25 if opening == 1 else 10 * 2.0 ** (opening - 2),
}
CHAMPIONS: dict[str, float | None] = {
    "another search": 0.0,
    "mutated, correlation 0.5": 0.5,
    "mutated, correlation 0.9": 0.9,
    "who adds up what p told": None,
}


def openings(champions: str, files: int, seed: Sequence[int]) -> dict[str, list[float]]:
    """Share of files without a signal on which a rule errs within the first K openings.

    A champion is a direction in the space of 20 white inputs; the next keeps the correlation with
    the best so far. Who adds up what p told is an adversary: champions count by their statistic.
    """
    rng, rows, inputs = np.random.default_rng(seed), 500, 20
    keep, most = CHAMPIONS[champions], OPENINGS[-1]
    wrong = {name: np.zeros(most) for name in RULES}
    for _ in range(files):
        actual = garch_returns(rng, 1, rows)[0]
        values = rng.standard_normal((rows, inputs))
        tried: list[tuple[float, Floats]] = []
        p_values: list[float] = []
        for opening in range(most):
            champion = rng.standard_normal(inputs)
            if keep is None:
                if opening % 2 or opening == most - 1:
                    champion = np.sum([t * b for t, b in tried], axis=0)
            elif tried:
                best = max(tried, key=lambda one: one[0])[1]
                champion = keep * best + np.sqrt(1 - keep**2) * champion / np.sqrt(inputs)
            champion = champion / np.linalg.norm(champion)
            result = information(actual, values @ champion, centre=0.0)
            assert not isinstance(result, Skipped)
            tried.append((result.statistic, champion))
            p_values.append(result.p)
        for name, rule in RULES.items():
            errs = [p * rule(1 + place) < LEVEL for place, p in enumerate(p_values)]
            wrong[name] += np.maximum.accumulate(errs)
    return {name: [float(hits[k - 1] / files) for k in OPENINGS] for name, hits in wrong.items()}


def main(arguments: list[str] | None = None, show: Callable[[str], None] = print) -> int:
    parser = argparse.ArgumentParser(prog="bench_answer", description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=1000, help="of each kind")
    parser.add_argument("--only", default="", help="kinds whose name has this word")
    parser.add_argument("--seed", type=int, default=1)
    wanted = parser.parse_args(arguments)
    began = time.perf_counter()
    failures: list[str] = []
    pooled: dict[tuple[str, int], Floats] = {}
    for number, kind in enumerate(kinds()):
        if wanted.only not in kind.name:
            continue
        for horizon in kind.horizons:
            counts = count(kind, horizon, wanted.files, (wanted.seed, number, horizon))
            for rows, hits in counts.items():
                shares = 100 * hits / wanted.files
                low, high = interval(hits[0], wanted.files)
                others = "  ".join(
                    f"{name} {share:5.1f}"
                    for name, share in zip(TESTS[1:], shares[1:], strict=True)
                )
                show(
                    f"{kind.name:<42} h {horizon:>2}  n {rows:>5,}  informative {shares[0]:5.1f} "
                    f"({100 * low:.1f} to {100 * high:.1f})  {others}"
                )
                if kind.signal:
                    if kind.wanted and rows == ROWS[-1] and hits[0] < kind.wanted * wanted.files:
                        failures.append(f"{kind.name}: seen in {shares[0]:.1f} %")
                    continue
                key = (kind.name.split(" | ")[0], rows)
                pooled[key] = pooled.get(key, np.zeros(len(TESTS) + 1)) + np.append(
                    hits, wanted.files
                )
    if pooled:
        show("\nFalse claims of each kind, over inputs and shifts (%, 95 % interval):")
    for (name, rows), total in pooled.items():
        parts = []
        for place in (0, len(TESTS) - 1):
            low, high = interval(total[place], int(total[-1]))
            share = total[place] / total[-1]
            parts.append(f"{TESTS[place]} {100 * share:4.1f} ({100 * low:.1f} to {100 * high:.1f})")
            if share > MOST:
                failures.append(f"{name}, {rows} rows: {TESTS[place]} in {100 * share:.1f} %")
        show(f"{name:<34} n {rows:>5,}  {'  '.join(parts)}")
    if wanted.only in "openings":
        show(f"\nErrors within {', '.join(map(str, OPENINGS))} openings of one test (%):")
        for place, champions in enumerate(CHAMPIONS):
            errors = openings(champions, 2 * wanted.files, (wanted.seed, 1000 + place))
            for rule, shares_within in errors.items():
                text = "  ".join(f"{100 * share:5.1f}" for share in shares_within)
                show(f"{champions:<26} {rule:<26} {text}")
            last = list(errors.values())[-1]
            tolerance = 0.05 + 2 * (0.05 * 0.95 / (2 * wanted.files)) ** 0.5
            if CHAMPIONS[champions] is not None and max(last) > tolerance:
                failures.append(f"openings, {champions}: {100 * max(last):.1f} %")
    show(f"\n{time.perf_counter() - began:.0f} s")
    for failure in failures:
        show(f"NOT HELD: {failure}")
    return int(bool(failures))


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    sys.exit(main())
