"""Does the deflated Sharpe ratio claim a gain where there is one, and only there?

    python -m tests.bench.bench_trading [--files 100] [--trials 20] [--seed 1] [--position scaled]
                                        [--searches 0]

Simulated: prices are GARCH walks with Student's t, the networks are regressions. Of each file,
trials are least squares on five of twenty inputs, drawn at random, fitted on 1,500 training rows;
the one with the smallest error on 500 validation rows is the champion, is fitted again on both, and
is traded on the 1,000 rows after them. What trades and measures is the package's own code. A claim
is a probability above 95 %. Exits with 1 where the deflated ratio claims one in more than 5 % of
the random walks, or in fewer than 90 % of the files with an R² of 0.05 for the next session; costs
are 5 bp. With `--searches` so many whole searches and evaluations of networks instead, on planted
files of 4,700 rows.
"""

# ruff: noqa: E402 - the environment comes before the imports

import os

for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[_name] = "1"

import argparse
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rnnsearch.config import load_study
from rnnsearch.scoring.trading import ENTRIES, RULES, SIDES
from rnnsearch.scoring.trading.account import Terms
from rnnsearch.scoring.trading.strategy import Series, Strategy, Traded, sharpes, traded
from rnnsearch.search.searching import search
from rnnsearch.verdict.evaluation import evaluate
from tests.bench.bench_verdict import CANDIDATES, WEAK_ROWS, write
from tests.helpers.planted import plant
from tests.helpers.searches import Notes
from tests.helpers.simulated import (
    BEFORE,
    ahead,
    autoregressions,
    daily,
    garch_returns,
    least_squares,
    mixed_persistence,
)

TRAIN, VALIDATION, TEST = 1500, 500, 1000
INPUTS, CHOSEN = 20, 5
SIZE = 0.01
"""Of a usual daily return."""
CLAIM, MOST, LEAST = 0.95, 0.05, 0.90


@dataclass(frozen=True)
class Kind:
    """One kind of file. `r2`: of the input that acts a session later, as a share of the variance of
    the next h returns together; `drift`: Sharpe ratio of a year of holding it."""

    name: str
    r2: float = 0.0
    drift: float = 0.0
    most: float | None = None
    least: float | None = None


KINDS = (
    Kind("random walk", most=MOST),
    Kind("R² 0.01", r2=0.01),
    Kind("R² 0.02", r2=0.02),
    Kind("R² 0.05", r2=0.05, least=LEAST),
    Kind("drift, Sharpe 0.5", drift=0.5),
)


def strategy(rule: str) -> Strategy:
    terms = Terms(cost=5.0, borrow=0.0, cash=0.0, per_year=252.0)
    return Strategy(RULES[rule], SIDES["long_short"], ENTRIES["close"], terms)


def traded_files(
    kind: Kind, h: int, files: int, trials: int, seed: int, rule: str
) -> Iterator[Traded]:
    """The champion of each file, traded."""
    rng = np.random.default_rng(seed)
    sessions = BEFORE + TRAIN + VALIDATION + TEST + 3 * h
    first = BEFORE + TRAIN + h  # origins of validation rows begin there
    locked = first + VALIDATION + h
    for _ in range(files):
        returns = garch_returns(rng, 1, sessions) + daily(kind.drift)
        values = autoregressions(rng, mixed_persistence(INPUTS), 1, sessions)
        if kind.r2:
            # Its first input is white: it tells one of the h returns, which varies as much as 1.
            returns[:, 1:] += np.sqrt(kind.r2 * h / (1 - kind.r2)) * values[:, :-1, 0]
        returns = SIZE * returns
        series = Series(100 * np.exp(returns[0].cumsum()))
        targets = ahead(returns, h)
        used = values[:, : targets.shape[1]]
        train = slice(BEFORE, BEFORE + TRAIN)
        subsets = [rng.choice(INPUTS, CHOSEN, replace=False) for _ in range(trials)]
        fitted = [least_squares(used[:, :, one], targets, train)[0] for one in subsets]
        said = np.stack(fitted, axis=1)[first : first + VALIDATION]
        errors = np.mean((said - targets[0, first : first + VALIDATION, None]) ** 2, axis=0)
        best = subsets[int(np.argmin(errors))]
        both = slice(BEFORE, first + VALIDATION)
        forecast = least_squares(used[:, :, best], targets, both)[0][locked : locked + TEST]
        ratios = sharpes(strategy(rule), series, np.expm1(said), first + 1, h, charged=False)
        yield traded(
            strategy(rule), series, np.expm1(forecast), locked + 1, h,
            trials=trials, others=(ratios, VALIDATION),
        )  # fmt: skip


@dataclass(frozen=True)
class Found:
    """Shares of files that are claimed, and means over files."""

    deflated: float
    probabilistic: float
    deflated_before: float
    sharpe: float
    sharpe_before: float
    hurdle: float
    held: float  # share of files whose bootstrap interval holds 0


def found(kind: Kind, h: int, files: int, trials: int, seed: int, rule: str) -> Found:
    """Over all files of a kind."""
    every = list(traded_files(kind, h, files, trials, seed, rule))
    champions = [one.table["champion"] for one in every]
    before = [one.table["before_costs"] for one in every]

    def claimed(chances: list[float | None]) -> float:
        return float(np.mean([(chance or 0.0) > CLAIM for chance in chances]))

    def mean(values: list[float | None]) -> float:
        return float(np.mean([value or 0.0 for value in values]))

    held = [(one.sharpe_low or 0.0) <= 0 <= (one.sharpe_high or 0.0) for one in before]
    return Found(
        claimed([one.deflated_sharpe for one in champions]),
        claimed([one.probabilistic_sharpe for one in champions]),
        claimed([one.deflated_sharpe for one in before]),
        mean([one.sharpe for one in champions]),
        mean([one.sharpe for one in before]),
        float(np.mean([one.hurdle for one in every])),
        float(np.mean(held)),
    )


def whole(number: int, r2: float, trials: int) -> tuple[float, float, float]:
    """Search and evaluate a file as `bench_verdict` does: the champion's deflated probability, and
    its Sharpe ratio after and before costs."""
    planted = plant(
        rows=WEAK_ROWS, candidates=CANDIDATES, kind="linear", delay=1, attainable_r2=r2,
        seed=3000 + number,
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        os.environ["RNNSEARCH_HOME"] = folder
        study = load_study(write(Path(folder), planted, trials))
        search(study, Notes())
        answer = evaluate(study, top=3, seeds=2, say=lambda text: None)
    champion, before, *_ = answer["trading"]["table"]
    return champion["deflated_sharpe"], champion["sharpe"], before["sharpe"]


HEADING = (
    "| file | h | deflated > 95 % | probabilistic > 95 % | deflated, before costs | mean Sharpe | "
    "before costs | hurdle | interval before costs holds 0 |"
)


def line(kind: Kind, h: int, one: Found) -> str:
    shares = (one.deflated, one.probabilistic, one.deflated_before)
    ratios = (one.sharpe, one.sharpe_before, one.hurdle)
    cells = [f"{100 * share:.0f} %" for share in shares]
    cells += [f"{ratio:+.2f}" for ratio in ratios]
    return f"| {kind.name} | {h} | {' | '.join(cells)} | {100 * one.held:.0f} % |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=100)
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--position", choices=RULES, default="scaled")
    parser.add_argument("--searches", type=int, default=0, help="whole ones, of 8 trials, instead")
    asked = parser.parse_args()
    if asked.searches:
        for r2 in (0.0, 0.05):
            every = [whole(number, r2, 8) for number in range(asked.searches)]
            claims = sum(deflated > CLAIM for deflated, *_ in every)
            after, before = np.mean([ratios for _, *ratios in every], axis=0)
            print(
                f"R² {r2:.2f}: {claims} of {asked.searches} claimed, mean Sharpe {after:+.2f}, "
                f"before costs {before:+.2f}",
                flush=True,
            )
        return
    print(HEADING)
    print("|" + "---|" * (HEADING.count("|") - 1))
    wrong = []
    for kind in KINDS:
        for h in (1, 5):
            one = found(kind, h, asked.files, asked.trials, asked.seed, asked.position)
            print(line(kind, h, one), flush=True)
            if kind.most is not None and one.deflated > kind.most:
                wrong.append(f"{kind.name}, h = {h}: {one.deflated:.0%} claimed")
            if kind.least is not None and h == 1 and one.deflated < kind.least:
                wrong.append(f"{kind.name}, h = {h}: only {one.deflated:.0%} seen")
    if wrong:
        sys.exit("; ".join(wrong))


if __name__ == "__main__":
    main()
