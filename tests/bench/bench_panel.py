"""One network of many series: does its verdict err as often as it says, is pooling worth it, what
does it cost?

    python -m tests.bench.bench_panel size     false alarms and power of the panel tests, simulated
    python -m tests.bench.bench_panel planted  pooled against a search for each, on planted series
    python -m tests.bench.bench_panel coverage what its intervals hold, by quarter and by series
    python -m tests.bench.bench_panel memory   500 series: start of a search, memory of its workers
"""

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from rnnsearch.arrays import Floats
from rnnsearch.scoring.inference.skipped import Skipped
from rnnsearch.scoring.panel.tests import Rated, panel_accuracy, panel_information

LEVEL = 0.05
FORECASTS = ("slow", "momentum", "level", "fitted")


# --- size and power ------------------------------------------------------------------------------


def returns(
    rng: np.random.Generator, series: int, rows: int, together: float, drift: float
) -> Floats:
    """(rows, series) with volatility that clusters for all at once, fat tails, a common factor."""
    volatility, shocks = np.empty(rows), rng.standard_t(5, rows) / np.sqrt(5 / 3)
    variance = 1.0
    for row in range(rows):
        volatility[row] = np.sqrt(variance)
        variance = 0.03 + 0.07 * variance * shocks[row] ** 2 + 0.9 * variance
    own = rng.standard_t(5, (rows, series)) / np.sqrt(5 / 3)
    mixed = np.sqrt(together) * shocks[:, None] + np.sqrt(1 - together) * own
    made: Floats = 0.01 * volatility[:, None] * mixed + 0.01 * drift / np.sqrt(252)
    return made


def said(
    rng: np.random.Generator, kind: str, made: Floats, train: int, h: int, common: float, r2: float
) -> tuple[Floats, Floats]:
    """(rows, series) forecasts of the next h sessions from each row's end, and their centres."""
    rows, series = made.shape
    ahead = np.zeros_like(made)
    sums = np.cumsum(np.concatenate([np.zeros((1, series)), made]), axis=0)
    ahead[: rows - h] = sums[1 + h :] - sums[1 : rows - h + 1]  # sum of made[t+1 .. t+h]
    match kind:
        case "slow":
            noise = np.sqrt(common) * rng.standard_normal((rows, 1)) + np.sqrt(
                1 - common
            ) * rng.standard_normal((rows, series))
            x = np.empty_like(noise)
            x[0] = noise[0]
            for row in range(1, rows):
                x[row] = 0.95 * x[row - 1] + np.sqrt(1 - 0.95**2) * noise[row]
            said_ = 0.001 * x
        case "momentum":
            said_ = np.zeros_like(made)
            said_[20:] = (sums[21:] - sums[1:-20]) * 0.05
        case "level":
            said_ = -0.01 * sums[1:]
        case _:  # least squares on ten useless inputs, of the training rows of all series
            x = rng.standard_normal((rows, series, 10))
            x = np.sqrt(common) * x[:, :1] + np.sqrt(1 - common) * x
            if r2:  # the first input is what will come, as far as r2 says
                x[: rows - 1, :, 0] = (
                    np.sqrt(r2) * made[1:] / made[1:].std() + np.sqrt(1 - r2) * x[: rows - 1, :, 0]
                )
            design = x[: train - h].reshape(-1, 10)
            design = np.concatenate([design, np.ones((len(design), 1))], axis=1)
            weights = np.linalg.lstsq(design, ahead[: train - h].ravel(), rcond=None)[0]
            said_ = x @ weights[:-1] + weights[-1]
    centre = ahead[: train - h].mean(axis=0)
    return said_, centre


def rated(made: Floats, forecast: Floats, centre: Floats, train: int, h: int) -> list[Rated]:
    """Origins from `train - 1` on."""
    rows, series = made.shape
    origins = np.arange(train - 1, rows - h)
    steps = origins[None, :] + np.arange(1, h + 1)[:, None]
    found = []
    for one in range(series):
        pieces = made[steps, one]
        actual = pieces.sum(axis=0)
        unit = float(made[:train, one].std() * np.sqrt(h))
        averages = np.full(len(origins), centre[one])
        hard = min(
            (np.zeros(len(origins)), averages), key=lambda f: float(((f - actual) ** 2).sum())
        )
        found.append(
            Rated(
                dates=origins + h,
                actual=actual,
                forecast=forecast[origins, one],
                hardest=hard,
                unit=unit,
                centre=float(centre[one]),
                pieces=pieces,
                sessions=steps,
            )
        )
    return found


def size(runs: int, seed: int) -> None:
    print("series dates h together drift  kind       information  accuracy (share of p < 5 %)")
    cases = [
        (series, dates, h, together, drift, r2)
        for series, dates in ((20, 250), (20, 500), (100, 250))
        for h in (1, 5)
        for together, drift in ((0.0, 0.0), (0.4, 1.0), (0.8, 1.0))
        for r2 in (0.0,)
    ] + [(20, 500, 1, 0.4, 0.0, r2) for r2 in (0.0005, 0.002)]
    for series, dates, h, together, drift, r2 in cases:
        for kind in FORECASTS if not r2 else ("fitted",):
            rng = np.random.default_rng([seed, series, dates, h, int(100 * together)])
            hits = np.zeros(2)
            for _ in range(runs):
                train = 500
                made = returns(rng, series, train + dates, together, drift)
                forecast, centre = said(rng, kind, made, train, h, together, r2)
                own = rated(made, forecast, centre, train, h)
                information, accuracy = panel_information(own, h), panel_accuracy(own, h)
                if not isinstance(information, Skipped):
                    hits[0] += information.p < LEVEL
                if not isinstance(accuracy, Skipped):
                    hits[1] += accuracy.p_better < LEVEL
            told = f"r2 {r2}" if r2 else ""
            print(
                f"{series:6} {dates:5} {h} {together:8} {drift:5}  {kind:10} "
                f"{100 * hits[0] / runs:8.1f} % {100 * hits[1] / runs:8.1f} % {told}",
                flush=True,
            )


# --- is pooling worth it? ------------------------------------------------------------------------

TRIALS = [
    {"neurons": [4], "learning_rate": 0.003, "weight_decay": 0.1},
    {"neurons": [8], "learning_rate": 0.003, "weight_decay": 1.0},
    {"neurons": [8], "learning_rate": 0.01, "weight_decay": 1.0},
    {"neurons": [4], "learning_rate": 0.01, "weight_decay": 3.0},
    {"neurons": [16], "learning_rate": 0.003, "weight_decay": 3.0},
]


def write_planted(folder: Path, series: int, rows: int, r2: float, seed: int) -> None:
    """Series of one market; of each, `signal` tells so much of its next return, and four inputs of
    its own tell nothing."""
    rng = np.random.default_rng(seed)
    dates = pd.bdate_range("2010-01-01", periods=rows).strftime("%Y-%m-%d")
    market = rng.standard_normal(rows)
    folder.mkdir(parents=True)
    for number in range(series):
        inputs = rng.standard_normal((rows, 5))
        noise = np.sqrt(0.3) * market + np.sqrt(0.7) * rng.standard_normal(rows)
        told = np.concatenate([[0.0], inputs[:-1, 0]])
        moves = 0.01 * (1 + number % 3) * (np.sqrt(r2) * told + np.sqrt(1 - r2) * noise)
        columns = {"Close": 100 * np.exp(np.cumsum(moves))}
        columns |= {name: inputs[:, at] for at, name in enumerate(("signal", "a", "b", "c", "d"))}
        frame = pd.DataFrame(columns, index=pd.Index(dates, name="Date"))
        frame.round(8).to_csv(folder / f"S{number:02d}.csv")


def planted(runs: int, seed: int) -> int:
    from rnnsearch.config import StudyFile
    from rnnsearch.many.family import family_of
    from rnnsearch.search.problem import Problem

    won = 0
    print("run   pooled   each    (skill on the locked rows, the mean over 20 series)")
    for run in range(runs):
        began = time.perf_counter()
        with tempfile.TemporaryDirectory() as name:
            os.environ["RNNSEARCH_HOME"] = f"{name}/runs"
            write_planted(Path(name) / "panel", 20, 800, 0.02, 1000 * seed + run)

            def study(pool: bool, folder: str = name) -> StudyFile:
                return StudyFile.model_validate(
                    {
                        "study": {"name": "planted"},
                        "data": {"path": f"{folder}/panel/*.csv", "pool": pool},
                        "split": {"test": 0.3, "folds": 2},
                        "space": {
                            "cell": "gru", "layers": 1, "window": 3, "input_shift": 0,
                            "output_shift": 1,
                        },
                        "inputs": {"indicators": "none", "search": "all"},
                    }
                )  # fmt: skip

            pooled = _skill(Problem.load(study(True)))
            family = family_of(study(False))
            assert family is not None
            each = np.mean([_skill(Problem.load(one.study)) for one in family.members])
        won += bool(pooled > each)
        seconds = time.perf_counter() - began
        print(f"{run:3}  {pooled:+.4f}  {each:+.4f}   {seconds:.0f} s", flush=True)
    print(f"pooled above each in {won} of {runs}")
    return 0 if won >= 0.8 * runs else 1


def _skill(problem: "object") -> float:
    """On the locked rows, of the trial that is best on validation rows, refitted on all before."""
    from dataclasses import replace
    from types import SimpleNamespace

    from rnnsearch import targets
    from rnnsearch.model.windows import window_ends
    from rnnsearch.scoring import metrics
    from rnnsearch.search import engines
    from rnnsearch.search.problem import Problem
    from rnnsearch.search.trial.parameters import TrialParameters
    from rnnsearch.search.trial.protocol import Outcome, Task
    from rnnsearch.search.trial.runner import TrialRunner
    from rnnsearch.verdict.pooled.fitting import fit_pool, pooled_spec
    from rnnsearch.verdict.pooled.rows import locked_rows
    from rnnsearch.verdict.refit import fit, spec_of

    assert isinstance(problem, Problem)
    setup, _ = engines.setup_here(problem, lambda _: None, workers=1)
    runner = TrialRunner(setup)
    best, chosen = -np.inf, None
    for number, own in enumerate(TRIALS):
        parameters = TrialParameters.from_plain(
            {
                "cell": "gru", "dropout": 0.0, "window": 3, "epochs": 15, "batch_size": 64,
                "optimizer": "adam", "averaging": True, "clip": 1.0, "scaler": "standard",
                "input_shift": 0, "output_shift": 1, "inputs": problem.table.names, "seed": number,
                **own,
            }
        )  # fmt: skip
        for said in runner.run(Task(number, parameters.plain())):
            if isinstance(said, Outcome) and said.gain > best:
                best, chosen = said.gain, parameters
    assert chosen is not None
    split, silent = problem.split, lambda _: None
    candidate = SimpleNamespace(parameters=chosen)
    if problem.panel is not None:
        champion = fit_pool(
            problem, split.refit, chosen, [chosen.seed], formulation=None,
            spec=replace(pooled_spec(problem, chosen, 0), identity="x"), errors={}, say=silent,
        )  # fmt: skip
        assert champion is not None
        scored = [one.scored for one in locked_rows(problem, champion, 1).series]
        return float(np.mean([metrics.skill(s.actual, s.forecast, s.hardest) for s in scored]))
    alone = fit(
        problem, split.refit, candidate.parameters, [chosen.seed], formulation=None,
        spec=replace(spec_of(problem, chosen, 0), identity="x"), errors=np.empty(0),
        scales=np.empty(0), say=silent,
    )  # fmt: skip
    assert alone is not None
    quotes, target, rows = problem.prices.quotes, problem.target, split.test
    forecast = alone.forecast_rows(problem.prices, problem.table, window_ends(rows, 1)).mean(axis=0)
    actual = target.values(quotes.target, rows, 1)
    naive = targets.naive_forecasts(target, quotes, rows, 1, split.refit.train)
    return metrics.skill(actual, forecast, targets.hardest(actual, list(naive.values()))[1])


# --- what do its intervals hold? ------------------------------------------------------------------


def coverage(runs: int, seed: int) -> None:
    """Series of a volatility that clusters for all at once, the last five times as volatile as the
    first; two begin so late that they have no validation row."""
    from rnnsearch.config import StudyFile
    from rnnsearch.search.problem import Problem

    series, rows = 12, 1_000
    print(
        "h  run   all  by quarter of the dates           worst  best  late series (% held, of 90)"
    )
    for h in (1, 5):
        every = []
        for run in range(runs):
            rng = np.random.default_rng([seed, h, run])
            with tempfile.TemporaryDirectory() as name:
                os.environ["RNNSEARCH_HOME"] = f"{name}/runs"
                made, dates = (
                    returns(rng, series, rows, 0.4, 0.0),
                    pd.bdate_range("2010", periods=rows),
                )
                (Path(name) / "panel").mkdir()
                for number in range(series):
                    close = 100 * np.exp(np.cumsum((1 + 4 * number / series) * made[:, number]))
                    frame = pd.DataFrame({"Close": close}, index=pd.Index(dates, name="Date"))
                    begins = 680 if number < 2 else 0
                    frame[begins:].round(8).to_csv(f"{name}/panel/S{number:02d}.csv")
                problem = Problem.load(
                    StudyFile.model_validate(
                        {
                            "study": {"name": "coverage"},
                            "data": {"path": f"{name}/panel/*.csv", "pool": True},
                            "split": {"test": 0.25, "folds": 3},
                            "space": {
                                "cell": "gru", "layers": 1, "window": 5, "input_shift": 0,
                                "output_shift": h,
                            },
                            "inputs": {"indicators": "none", "search": "all"},
                        }
                    )
                )  # fmt: skip
                found, late = _held(problem, h)
            every.append([found["share"], *(q["share"] for q in found["quarters"]),
                          found["worst"]["share"], found["best"]["share"], late])  # fmt: skip
            print(h, f"{run:4}", *(f"{100 * value:6.1f}" for value in every[-1]), flush=True)
        print(h, "mean", *(f"{100 * value:6.1f}" for value in np.mean(every, axis=0)), flush=True)


def _held(problem: "object", h: int) -> tuple[dict[str, Any], float]:
    """What the intervals of a network that hardly learns hold, and those of the late series."""
    from dataclasses import replace
    from types import SimpleNamespace

    from rnnsearch.scoring.held import of_series
    from rnnsearch.search import engines
    from rnnsearch.search.problem import Problem
    from rnnsearch.search.trial.packing import unpack
    from rnnsearch.search.trial.parameters import TrialParameters
    from rnnsearch.search.trial.protocol import Outcome, Task
    from rnnsearch.search.trial.runner import TrialRunner
    from rnnsearch.verdict.pooled.fitting import fit_pool, pooled_spec, validation_errors
    from rnnsearch.verdict.pooled.rows import locked_rows

    assert isinstance(problem, Problem)
    setup, _ = engines.setup_here(problem, lambda _: None, workers=1)
    own = TrialParameters.from_plain(
        {
            "cell": "gru", "dropout": 0.0, "window": 5, "epochs": 3, "batch_size": 128,
            "optimizer": "adam", "averaging": True, "clip": 1.0, "scaler": "standard",
            "input_shift": 0, "output_shift": h, "inputs": problem.table.names, "seed": 1,
            "neurons": [4], "learning_rate": 0.003, "weight_decay": 1.0,
        }
    )  # fmt: skip
    *_, last = TrialRunner(setup).run(Task(0, own.plain()))
    assert isinstance(last, Outcome), last
    candidate: Any = SimpleNamespace(parameters=own, forecasts=(unpack(last.forecasts),))
    champion = fit_pool(
        problem, problem.split.refit, own, [1], formulation=None,
        spec=replace(pooled_spec(problem, own, 0), identity="x"),
        errors=validation_errors(problem, candidate), say=lambda _: None,
    )  # fmt: skip
    assert champion is not None
    bands = {one.name: one.bands for one in locked_rows(problem, champion, h).series}
    there = {name: one for name, one in bands.items() if one is not None}
    late = [there[name].held(0.9) for name in ("S00", "S01") if name in there]
    return of_series(there, 0.9), float(np.mean(late))


# --- what it costs -------------------------------------------------------------------------------


def memory(series: int, rows: int, seed: int) -> int:
    """A search of two workers from a full cache: seconds to its first trial, and the most memory
    that all of its processes together hold (shared pages counted once)."""
    with tempfile.TemporaryDirectory() as name:
        folder, rng = Path(name), np.random.default_rng(seed)
        (folder / "panel").mkdir()
        dates = pd.bdate_range("2010-01-01", periods=rows).strftime("%Y-%m-%d")
        for number in range(series):
            close = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, rows)))
            spread = 1 + np.abs(rng.normal(0, 0.005, (rows, 2)))
            frame = {
                "Open": close, "High": close * spread[:, 0], "Low": close / spread[:, 1],
                "Close": close, "Volume": rng.integers(1_000, 9_000, rows),
            }  # fmt: skip
            whole = pd.DataFrame(frame, index=pd.Index(dates, name="Date")).round(6)
            whole.to_csv(folder / "panel" / f"S{number:03d}.csv")
        study = folder / "panel.toml"
        study.write_text(
            '[study]\ntrials = 3\n[data]\npath = "panel/*.csv"\npool = true\n'
            '[space]\ncell = "gru"\nlayers = 1\nneurons = 8\nwindow = 10\nepochs = 1\n'
            "batch_size = 1024\nlearning_rate = 0.003\ninput_shift = 0\noutput_shift = 1\n"
            "[run]\nworkers = 2\n"
        )
        environment = os.environ | {"RNNSEARCH_HOME": str(folder / "runs"), "PYTHONUNBUFFERED": "1"}
        for number, which in enumerate(("with an empty cache", "from the cache"), start=1):
            study.write_text(study.read_text().replace("trials = 3", f"trials = {3 * number}"))
            began, first, most = time.perf_counter(), 0.0, 0.0
            command = [sys.executable, "-m", "rnnsearch", "search", str(study)]
            said = folder / f"said-{number}.txt"
            with said.open("w") as file:
                running = subprocess.Popen(command, env=environment, stdout=file, stderr=file)
                while running.poll() is None:
                    most = max(most, _memory(running.pid))
                    if not first and "study panel:" in said.read_text():
                        first = time.perf_counter() - began
                    time.sleep(0.25)
            seconds = time.perf_counter() - began
            print(
                f"{which}: workers asked after {first:.0f} s, over after {seconds:.0f} s, "
                f"{most / 2**30:.2f} GiB, exit code {running.returncode}",
                flush=True,
            )
            print(said.read_text()[-1500:], flush=True)
            if running.returncode:
                return 1
    return 0


def _memory(pid: int) -> float:
    """Bytes of a process and those it has started: proportional set sizes."""
    total, waiting = 0.0, [pid]
    while waiting:
        one = waiting.pop()
        with contextlib.suppress(OSError):
            text = Path(f"/proc/{one}/smaps_rollup").read_text()
            total += 1024 * int(text.split("Pss:")[1].split()[0])
            for task in Path(f"/proc/{one}/task").iterdir():
                waiting += map(int, (task / "children").read_text().split())
    return total


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=("size", "planted", "memory", "coverage"))
    parser.add_argument("--runs", type=int)
    parser.add_argument("--series", type=int, default=500)
    parser.add_argument("--rows", type=int, default=2_500)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args(arguments)
    if given.what == "planted":
        return planted(given.runs or 10, given.seed)
    if given.what == "coverage":
        coverage(given.runs or 10, given.seed)
        return 0
    if given.what == "memory":
        return memory(given.series, given.rows, given.seed)
    size(given.runs or 400, given.seed)
    return 0


if __name__ == "__main__":
    sys.exit(main())
