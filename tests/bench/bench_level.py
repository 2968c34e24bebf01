"""From where should a network forecast a level: from nothing, the last value, or what is harder?

    python -m tests.bench.bench_level [--files 5] [--seed 1] [--only KIND] [--setting WORD]

Files whose truth is known, of 1,500 rows; networks as a study makes them, trained on the first
four fifths and scored on the last, where a growing price is far above what training saw. Shown is
the mean skill over files, against no change (or the average level, whichever is harder).

    level     the value itself, scaled by mean and deviation
    change    the difference from the last value
    share     the difference in shares of the last value; for prices above 0
    harder    as `level` where the average level errs less on training rows, else as `change`
    chosen    what rnnsearch does
"""

# ruff: noqa: E402 - the environment comes before the imports

import os

for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[_name] = "1"

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import numpy as np
import pandas as pd
import torch

from rnnsearch import targets
from rnnsearch.arrays import Floats, Rows
from rnnsearch.config import load_study
from rnnsearch.model.training import Trainer, forecast
from rnnsearch.model.windows import window_ends
from rnnsearch.scoring import metrics
from rnnsearch.search.problem import Problem
from rnnsearch.search.trial.folds import TrialData, prepare_fold, select_inputs
from rnnsearch.search.trial.parameters import TrialParameters
from rnnsearch.search.trial.runner import training_settings
from rnnsearch.targets import Quotes, TargetScale
from rnnsearch.targets.level import Level

ROWS = 1500
CPU = torch.device("cpu")
LEVEL = targets.get("level")
CHOSEN = Level.taught


def sums(rng: np.random.Generator, rows: int = ROWS) -> Floats:
    return np.cumsum(rng.normal(size=rows))


def autoregression(rng: np.random.Generator, phi: float) -> Floats:
    x = rng.normal(size=ROWS)
    for row in range(1, ROWS):
        x[row] += phi * x[row - 1]
    return x


def grows(rng: np.random.Generator, drift: float, signal: Floats | float = 0.0) -> Floats:
    return 100 * np.exp(np.cumsum(0.01 * rng.normal(size=ROWS) + drift + signal))


def signalled(rng: np.random.Generator, drift: float) -> tuple[Floats, Floats]:
    """A growing price, and a column that says a fifth of the next day's variance."""
    signal = rng.normal(size=ROWS)
    return grows(rng, drift, np.concatenate([[0.0], 0.005 * signal[:-1]])), signal


def walked(rng: np.random.Generator) -> tuple[Floats, Floats]:
    """A walk around 0, and a column that says a fifth of the next day's variance."""
    signal = rng.normal(size=ROWS)
    return sums(rng) + np.concatenate([[0.0], 0.5 * np.cumsum(signal[:-1])]), signal


def plain(make: Callable[[np.random.Generator], Floats]) -> Callable[..., tuple[Floats, Floats]]:
    return lambda rng: (make(rng), rng.normal(size=ROWS))


SEASON = np.sin(2 * np.pi * np.arange(ROWS) / 21)
KINDS: dict[str, Callable[[np.random.Generator], tuple[Floats, Floats]]] = {
    "walk around 0": plain(sums),
    "walk around 0, signal": walked,
    "walk above 0": plain(lambda rng: 300 + sums(rng)),
    "price": plain(lambda rng: grows(rng, 0.0)),
    "price, grows 20-fold": plain(lambda rng: grows(rng, 0.002)),
    "price, grows 20-fold, signal": lambda rng: signalled(rng, 0.002),
    "price, signal": lambda rng: signalled(rng, 0.0),
    "independent": plain(lambda rng: 5 + rng.normal(size=ROWS)),
    "phi 0.4": plain(lambda rng: 5 + autoregression(rng, 0.4)),
    "phi 0.6": plain(lambda rng: 5 + autoregression(rng, 0.6)),
    "phi 0.9": plain(lambda rng: 5 + autoregression(rng, 0.9)),
    "phi 0.98": plain(lambda rng: 20 + autoregression(rng, 0.98)),
    "season": plain(lambda rng: 50 + 5 * SEASON + rng.normal(size=ROWS)),
    "season on a growing price": plain(lambda rng: grows(rng, 0.001) * (1 + 0.1 * SEASON)),
}


def as_level(self: Level, quotes: Quotes, train: Rows, h: int, formulation: int) -> TargetScale:
    return CHOSEN(self, quotes, train, h, 1)


def as_change(self: Level, quotes: Quotes, train: Rows, h: int, formulation: int) -> TargetScale:
    moves = quotes.target[train] - quotes.target[train - h]
    return TargetScale(0.0, float(np.sqrt(np.mean(moves**2))), "target")


def as_share(self: Level, quotes: Quotes, train: Rows, h: int, formulation: int) -> TargetScale:
    before = quotes.target[train - h]
    if before.min() <= 0:
        return as_change(self, quotes, train, h, formulation)
    shares = quotes.target[train] / before - 1
    size, least = float(np.sqrt(np.mean(shares**2))), float(before.min())
    return TargetScale(0.0, size, "target", relative=True, least=least)


def as_harder(self: Level, quotes: Quotes, train: Rows, h: int, formulation: int) -> TargetScale:
    y, before = quotes.target[train], quotes.target[train - h]
    if np.mean((y - before) ** 2) > np.var(y):
        return as_level(self, quotes, train, h, formulation)
    return as_change(self, quotes, train, h, formulation)


WAYS = {
    "level": as_level,
    "change": as_change,
    "share": as_share,
    "harder": as_harder,
    "chosen": CHOSEN,
}
SETTINGS = {
    "level and return, h = 1": (("level", "return", "signal"), 0, 1),
    "level and return, h = 3": (("level", "return", "signal"), 0, 3),
    "return alone, h = 1": (("return", "signal"), 0, 1),
    "two sessions late, h = 1": (("level", "return", "signal"), 2, 1),
}


def problem_of(folder: Path, values: Floats, signal: Floats) -> Problem:
    dates = pd.bdate_range("2010-01-04", periods=ROWS)
    frame = pd.DataFrame({"Date": dates, "Close": values, "signal": signal})
    frame.to_csv(folder / "prices.csv", index=False)
    (folder / "level.toml").write_text(
        '[data]\npath = "prices.csv"\npredict = "level"\n[split]\ntest = 0.2\n'
        "[space]\nwindow = 10\ninput_shift = { low = 0, high = 2 }\n"
        'output_shift = { low = 1, high = 3 }\n[inputs]\nindicators = "none"\n'
    )
    return Problem.load(load_study(folder / "level.toml"))


def test_skill(problem: Problem, way: str, inputs: tuple[str, ...], late: int, h: int) -> float:
    """Of a network trained on all rows before the test, on the test rows."""
    parameters = TrialParameters(
        cell="gru",
        neurons=(8,),
        dropout=0.0,
        window=10,
        epochs=15,
        batch_size=64,
        learning_rate=5e-3,
        optimizer="adam",
        weight_decay=0.1,
        averaging=True,
        scaler="standard",
        input_shift=late,
        output_shift=h,
        inputs=inputs,
        clip=1.0,
        seed=3,
    )
    quotes, rows = problem.prices.quotes, problem.split.test
    data = TrialData(problem.table, quotes, problem.split, "level")
    with mock.patch.object(Level, "taught", WAYS[way]):
        fold = prepare_fold(problem.split.refit, parameters, data, CPU)
    table = select_inputs(parameters, data, CPU)
    trainer = Trainer(
        table, [fold.tensors], training_settings(parameters, {}, "float32"), loss="mse"
    )
    for _ in trainer.run():
        pass
    ends = torch.from_numpy(window_ends(rows, h) - late)
    said = forecast(
        trainer.networks[0],
        table,
        ends,
        window=parameters.window,
        scale=fold.tensors.scale,
        offset=fold.tensors.offset,
    ).numpy()
    values = fold.target_scale.at(quotes, rows - h).unscale(said)
    actual = LEVEL.values(quotes.target, rows, h)
    naive = targets.naive_forecasts(LEVEL, quotes, rows, h, problem.split.refit.train)
    return metrics.skill(actual, values, targets.hardest(actual, list(naive.values()))[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="")
    parser.add_argument("--setting", default="")
    given = parser.parse_args()
    torch.set_num_threads(1)
    for title, (inputs, late, h) in SETTINGS.items():
        if given.setting not in title:
            continue
        print(f"\n{title:<32}" + "".join(f"{way:>9}" for way in WAYS))
        for kind, make in KINDS.items():
            if given.only not in kind:
                continue
            skills: dict[str, list[float]] = {way: [] for way in WAYS}
            for file in range(given.files):
                with (
                    tempfile.TemporaryDirectory() as name,
                    mock.patch.dict(os.environ, {"RNNSEARCH_HOME": name}),
                ):
                    values, signal = make(np.random.default_rng([given.seed, file]))
                    problem = problem_of(Path(name), values, signal)
                    for way in WAYS:
                        skills[way].append(test_skill(problem, way, inputs, late, h))
            print(
                f"{kind:<32}" + "".join(f"{np.mean(s):>9.3f}" for s in skills.values()), flush=True
            )


if __name__ == "__main__":
    main()
