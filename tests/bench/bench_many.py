"""Does a study of many series claim more than it says, and does it find those with a signal?

    python -m tests.bench.bench_many [--folders 200] [--series 30] [--seed 1]

Regressions stand in for networks, as in `bench_answer`: 1,500 training rows, 5 inputs of each
series' own, forecasts of the 500 rows after them, tested for information and accuracy, charged for
a first opening. Returns of a folder share a market (their correlation is `together`); inputs are
each series' own, or the market's too, so that forecasts lean the same way. Shown: the share of
folders in which anything is called so, alone and corrected over the series; with five planted of
thirty (R² 0.02 or 0.05), how many of them are found and which share of what is named is not.

Exits with 1 where more than a tenth of folders without a signal have one called better, corrected.
"""

# ruff: noqa: E402 - the environment comes before the imports

import os

for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[_name] = "1"

import argparse
import sys
from dataclasses import dataclass

import numpy as np

from rnnsearch.arrays import Floats
from rnnsearch.scoring import sentences
from rnnsearch.scoring.inference.information import information
from rnnsearch.scoring.inference.significance import LEVEL, diebold_mariano
from rnnsearch.scoring.inference.skipped import Skipped
from rnnsearch.scoring.inference.together import Told, corrected

TRAIN, TEST, INPUTS, PLANTED = 1500, 500, 5, 5
FREEDOM = 5
MOST = 0.1


@dataclass(frozen=True)
class Kind:
    """together: correlation of the returns; shared: of the inputs; r2: of the planted series."""

    name: str
    together: float
    shared: float = 0.0
    r2: float = 0.0


KINDS = (
    Kind("no signal, each on its own", 0.0),
    Kind("no signal, one market", 0.5),
    Kind("no signal, one market, shared inputs", 0.5, 0.8),
    Kind("five of R² 0.02, one market", 0.5, r2=0.02),
    Kind("five of R² 0.05, one market", 0.5, r2=0.05),
    Kind("five of R² 0.05, one market, shared inputs", 0.5, 0.8, r2=0.05),
)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folders", type=int, default=200)
    parser.add_argument("--series", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args(arguments)
    print("| folders | informative alone | better alone | informative | better | found | false |")
    print("|---|---|---|---|---|---|---|")
    wrong = False
    for number, kind in enumerate(KINDS):
        rng = np.random.default_rng([given.seed, number])
        shares = [look(rng, kind, given.series) for _ in range(given.folders)]
        told = np.array(shares, dtype=np.float64)
        claims = told[:, :4].mean(axis=0)
        named = told[:, 5] + told[:, 4]
        found = f"{told[:, 4].mean():.1f} of {PLANTED}" if kind.r2 else "–"
        false = told[:, 5] / np.maximum(named, 1)
        shown = [f"{100 * share:.1f} %" for share in claims]
        print(f"| {kind.name} | {' | '.join(shown)} | {found} | {100 * false.mean():.1f} % |")
        wrong = wrong or (not kind.r2 and claims[3] > MOST)
    return int(wrong)


def look(rng: np.random.Generator, kind: Kind, series: int) -> tuple[float, ...]:
    """Of one folder: whether anything is informative or better, alone and corrected; how many of
    the planted are informative, corrected, and how many of the others.
    """
    rows = TRAIN + TEST
    scale = np.sqrt((FREEDOM - 2) / FREEDOM)
    market = rng.standard_t(FREEDOM, rows) * scale
    inputs_of_all = rng.standard_normal((rows, INPUTS))
    told = []
    for number in range(series):
        own = rng.standard_t(FREEDOM, rows) * scale
        returns = np.sqrt(kind.together) * market + np.sqrt(1 - kind.together) * own
        inputs = np.sqrt(kind.shared) * inputs_of_all
        inputs = inputs + np.sqrt(1 - kind.shared) * rng.standard_normal((rows, INPUTS))
        if number < PLANTED and kind.r2:
            returns = np.sqrt(1 - kind.r2) * returns + np.sqrt(kind.r2) * inputs[:, 0]
        told.append(_tested(returns, inputs))
    alone = [(_below(one.p_information), _below(one.p_better)) for one in told]
    among = corrected(told)
    listed = [one.informative for one in among]
    return (
        any(one for one, _ in alone),
        any(one and both for one, both in alone),
        any(listed),
        any(one.better for one in among),
        sum(listed[:PLANTED]) if kind.r2 else 0,
        sum(listed[PLANTED:]) if kind.r2 else sum(listed),
    )


def _tested(returns: Floats, inputs: Floats) -> Told:
    """The forecast of least squares on the rows after those that it was fitted on."""
    mean = float(returns[:TRAIN].mean())
    centre = inputs[:TRAIN].mean(axis=0)
    weights = np.linalg.lstsq(inputs[:TRAIN] - centre, returns[:TRAIN] - mean, rcond=None)[0]
    actual, forecast = returns[TRAIN:], mean + (inputs[TRAIN:] - centre) @ weights
    times = sentences.charge(1)
    found = information(actual, forecast, pieces=actual[None], centre=mean)
    losses = (actual - forecast) ** 2
    tests = [diebold_mariano(losses, (actual - naive) ** 2) for naive in (0.0, mean)]
    told = [one for one in tests if not isinstance(one, Skipped)]
    if isinstance(found, Skipped) or not told:
        return Told(None, None, None, None)
    p_better = max(one.p_better for one in told)
    skill = 1 - np.sqrt(np.mean((actual - forecast) ** 2) / np.mean(actual**2))
    return Told(
        min(1.0, times * found.p),
        min(1.0, times * p_better),
        min(1.0, times * (1 - p_better)),
        float(skill),
    )


def _below(p: float | None) -> bool:
    return p is not None and p < LEVEL


if __name__ == "__main__":
    sys.exit(main())
