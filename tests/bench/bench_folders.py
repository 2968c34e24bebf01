"""Do searches of networks over a folder of series claim more than they say, and find what is there?

    python -m tests.bench.bench_folders [--folders 10] [--planted 10] [--series 30] [--seed 1]
                                        [--trials 4] [--minutes 25] [--pace]

What `bench_many` asks of regressions, asked of the product itself: every series is searched (small
networks, ranked inputs, workers that the series share), its best trial refitted and its locked test
opened once, and the verdicts are corrected over all series. First `folders` folders of walks, then
`planted` with five series whose input of today tells R² 0.05 of the next return. Returns of a
folder are t5 and share a market (correlation 0.5); three inputs of each series are its own.

Ends with the folder in which `minutes` are over. `--pace` measures instead how many trials a minute
one search of all series makes, and as many studies of one series, one after the other.

Exits with 1 where more than a tenth of folders without a signal have one called better, or pace is
below 1.
"""

# ruff: noqa: E402 - the environment comes before the imports

import os

for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[_name] = "1"
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"

import argparse
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from rnnsearch.config import load_study
from rnnsearch.many.family import Family, family_of
from rnnsearch.many.reading import read_all
from rnnsearch.many.searching import search_all
from rnnsearch.many.verdicts import Verdicts, evaluate_all
from rnnsearch.scoring.inference.significance import LEVEL
from rnnsearch.search.driver.deadline import Deadline
from tests.bench.measuring import machine, own_home, rnnsearch
from tests.helpers.searches import Notes, toml

ROWS, TEST, INPUTS, PLANTED = 2000, 0.25, 3, 5
TOGETHER, FREEDOM, VOLATILITY, R2 = 0.5, 5, 0.01, 0.05
MOST = 0.1

STUDY: dict[str, dict[str, Any]] = {
    "split": {"test": TEST, "folds": 2},
    "space": {
        "cell": ["gru", "lstm"],
        "layers": 1,
        "neurons": [4, 8],
        "window": [2, 3, 5],
        "epochs": {"low": 5, "high": 20},
        "batch_size": 64,
        "learning_rate": {"low": 1e-3, "high": 1e-2, "log": True},
        "dropout": 0.0,
        "input_shift": 0,
        "output_shift": 1,
    },
    "inputs": {"indicators": "none"},
    "evaluate": {"baselines": []},
    "run": {"device": "cpu", "workers": 2},
}


@dataclass(frozen=True)
class Folder:
    """What became of one, in names of series: alone and corrected; seconds it took."""

    planted: int
    informative_alone: list[str]
    better_alone: list[str]
    informative: list[str]
    better: list[str]
    skill: float  # mean of the locked tests, of the planted where there are any
    seconds: float

    @property
    def found(self) -> int:
        return sum(int(name[1:]) < self.planted for name in self.informative)


class Quiet:
    """Nobody looks."""

    def of(self, series: str) -> Notes:
        return Notes()

    def over(self, series: str) -> None: ...

    def notice(self, text: str) -> None:
        print(text, file=sys.stderr)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folders", type=int, default=10)
    parser.add_argument("--planted", type=int, default=10)
    parser.add_argument("--series", type=int, default=30)
    parser.add_argument("--trials", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=25.0)
    parser.add_argument("--pace", action="store_true")
    given = parser.parse_args(arguments)
    print(machine(), flush=True)
    if given.pace:
        return int(pace(given.seed, given.series, given.trials) < 1)
    began = time.monotonic()
    found: list[Folder] = []
    print(
        "| folder | planted | informative alone | better alone | informative | better | skill | s |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for number in range(given.folders + given.planted):
        if time.monotonic() - began > 60 * given.minutes:
            break
        planted = 0 if number < given.folders else PLANTED
        one = look([given.seed, number], given.series, planted, given.trials)
        found.append(one)
        lists = (one.informative_alone, one.better_alone, one.informative, one.better)
        named = " | ".join(" ".join(names) or "–" for names in lists)
        told = f"{one.skill:+.4f} | {one.seconds:.0f}"
        print(f"| {number} | {planted} | {named} | {told} |", flush=True)
    print(summary(found))
    walks = [one for one in found if not one.planted]
    return int(sum(bool(one.better) for one in walks) > MOST * max(len(walks), 1))


def look(seed: list[int], series: int, planted: int, trials: int) -> Folder:
    """Search and evaluate one folder."""
    began = time.monotonic()
    with own_home() as place:
        write_folder(place, seed, series, planted)
        family = family_of(load_study(write_file(place, trials)))
        assert family is not None
        verdicts = searched(family)
    seconds = time.monotonic() - began
    rows = verdicts.plain()["series"]
    tested = [row["skill"] for row in rows if not planted or int(row["series"][1:]) < planted]
    return Folder(
        planted,
        sorted(r["series"] for r in rows if _below(r["p_information"])),
        sorted(r["series"] for r in rows if _below(r["p_information"]) and _below(r["p_better"])),
        sorted(one.series for one, said in verdicts.among.items() if said.informative),
        sorted(one.series for one, said in verdicts.among.items() if said.better),
        float(np.mean(tested)),
        seconds,
    )


def searched(family: Family) -> Verdicts:
    """All series searched by the workers that they share, and each locked test opened."""
    problems = read_all(family, print).problems
    search_all(family, problems, Quiet(), deadline=Deadline(None))
    return evaluate_all(family, lambda text: None, top=1, seeds=1)


def pace(seed: int, series: int, trials: int) -> float:
    """Trials a minute of one search of all over those of a search each, one after the other.

    Each is the command, from its start to its end; the page of each series is drawn in both.
    """
    with own_home() as place:
        write_folder(place, [seed, 0], series, 0)
        together = rnnsearch("search", write_file(place, trials), "--quiet")
        apart = 0.0
        for number in range(series):
            path = write_file(place, trials, f"one{number}", f"folder/S{number}.csv")
            apart += rnnsearch("search", path, "--quiet")
    minutes = series * trials * 60
    print(
        f"{series} series, {trials} trials each: together {minutes / together:.0f} trials/min "
        f"({together:.0f} s), one after the other {minutes / apart:.0f} ({apart:.0f} s): "
        f"{apart / together:.2f}"
    )
    return apart / together


def write_folder(place: Path, seed: list[int], series: int, planted: int) -> None:
    """folder/S0.csv ...: a close and three inputs of each; the first `planted` have a signal."""
    rng = np.random.default_rng(seed)
    (place / "folder").mkdir()
    scale = np.sqrt((FREEDOM - 2) / FREEDOM)
    market = rng.standard_t(FREEDOM, ROWS) * scale
    dates = pd.bdate_range("2015-01-01", periods=ROWS, name="Date")
    for number in range(series):
        own = rng.standard_t(FREEDOM, ROWS) * scale
        moves = np.sqrt(TOGETHER) * market + np.sqrt(1 - TOGETHER) * own
        inputs = rng.standard_normal((ROWS, INPUTS))
        if number < planted:
            moves[1:] = np.sqrt(1 - R2) * moves[1:] + np.sqrt(R2) * inputs[:-1, 0]
        frame = {"Close": 100 * np.exp(np.cumsum(VOLATILITY * moves))}
        frame |= {f"x{one}": inputs[:, one] for one in range(INPUTS)}
        path = place / "folder" / f"S{number}.csv"
        pd.DataFrame(frame, index=dates).to_csv(path, float_format="%.8g")


def write_file(place: Path, trials: int, name: str = "all", prices: str = "folder/*.csv") -> Path:
    path = place / f"{name}.toml"
    sections = dict(STUDY)
    sections |= {"study": {"trials": trials, "seed": 1}, "data": {"path": prices}}
    lines = []
    for section, keys in sections.items():
        lines += [f"[{section}]", *(f"{key} = {toml(value)}" for key, value in keys.items())]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def summary(found: list[Folder]) -> str:
    """A row for the walks, a row for the folders with planted series; shares of folders."""
    lines = [
        "",
        "| folders | informative alone | better alone | informative | better | found | false |",
    ]
    lines.append("|---|---|---|---|---|---|---|")
    for planted in sorted({one.planted for one in found}):
        of = [one for one in found if one.planted == planted]
        lists = ("informative_alone", "better_alone", "informative", "better")
        counts = [sum(bool(getattr(one, name)) for one in of) for name in lists]
        told = " | ".join(f"{count} of {len(of)}" for count in counts)
        named = sum(len(one.informative) for one in of)
        false = named - sum(one.found for one in of)
        mean = f"{np.mean([one.found for one in of]):.1f} of {planted}" if planted else "–"
        lines.append(f"| {planted} planted | {told} | {mean} | {false} of {named} named |")
    return "\n".join(lines)


def _below(p: float | None) -> bool:
    return p is not None and p < LEVEL


if __name__ == "__main__":
    sys.exit(main())
