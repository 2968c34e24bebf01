"""What a study would do, told before it does it: data, space, rows, and one tiny trial."""

import math
import time
from dataclasses import dataclass
from typing import Any

import pandas as pd

from rnnsearch.config import StudyFile, extremes
from rnnsearch.search.parameters import TrialParameters
from rnnsearch.search.problem import Problem
from rnnsearch.search.protocol import Outcome
from rnnsearch.search.space import nearest, space_sizes


@dataclass(frozen=True)
class Check:
    """facts: a line each; space, rows: tables; warnings: what looks odd in the data."""

    facts: list[str]
    space: pd.DataFrame
    rows: pd.DataFrame
    warnings: tuple[str, ...]


def check(study: StudyFile) -> Check:
    """Read the data, lay out the study, and train its smallest network for two epochs.

    Raises what `search` would raise: DataError, StudyFileError.
    """
    problem = Problem.load(study)
    data = problem.data_record()
    sizes = space_sizes(study, problem.table)
    combinations = math.prod(sizes.values())
    seconds, device = _tiny_trial(problem)
    facts = [
        f"data: {data['name']}, {data['rows']} sessions, {data['first']} to {data['last']}",
        f"target: {study.data.predict} of {study.data.target}",
        f"inputs: {data['inputs']} candidates in {len(problem.table.families)} families, "
        f"warm-up {problem.table.warmup} sessions",
        f"space: {'without end' if math.isinf(combinations) else f'{combinations:.3g}'} "
        f"combinations, {study.study.trials} trials wanted",
        f"tiny trial: one epoch of the smallest network on all folds takes {seconds:.2f} s "
        f"on {device}",
    ]
    return Check(facts, _space(study, sizes), _rows(problem), _warnings(problem))


def _warnings(problem: Problem) -> tuple[str, ...]:
    return (*problem.prices.warnings, *problem.table.notes)


def _space(study: StudyFile, sizes: dict[str, float]) -> pd.DataFrame:
    shown: dict[str, Any] = {
        name: getattr(study.space, name) for name in sizes if name != "inputs"
    } | {"inputs": study.inputs.search}
    return pd.DataFrame(
        [
            (name, _written(shown[name]), "∞" if math.isinf(size) else f"{size:.4g}")
            for name, size in sizes.items()
        ],
        columns=["parameter", "values", "count"],
    )


def _written(dimension: Any) -> str:
    """A dimension as a study file would write it, in short."""
    if isinstance(dimension, tuple):
        return ", ".join(map(str, dimension))
    if not hasattr(dimension, "low"):
        return str(dimension)
    step = f" in steps of {dimension.step}" if dimension.step not in (None, 1) else ""
    return f"{dimension.low} to {dimension.high}{step}" + (" (log)" if dimension.log else "")


def _rows(problem: Problem) -> pd.DataFrame:
    """First and last target date of every block of rows."""
    dates = problem.prices.dates
    split = problem.split
    blocks = [
        (f"fold {number} {name}", rows)
        for number, fold in enumerate(split.folds, start=1)
        for name, rows in (("training", fold.train), ("validation", fold.validation))
    ]
    blocks.append(("test (locked)", split.test))
    return pd.DataFrame(
        [
            (name, len(rows), f"{dates[rows[0]]:%Y-%m-%d}", f"{dates[rows[-1]]:%Y-%m-%d}")
            for name, rows in blocks
            if len(rows)
        ],
        columns=["rows", "count", "first", "last"],
    )


def _tiny_trial(problem: Problem) -> tuple[float, str]:
    """Seconds of one epoch of the smallest network that the space has, and the device."""
    from rnnsearch.search.trial import TrialRunner  # torch: two seconds

    space = problem.study.space
    smallest = {
        name: nearest(getattr(space, name), -math.inf)
        for name in ("layers", "neurons", "window", "input_shift", "output_shift")
    }
    parameters = TrialParameters(
        cell=extremes(space.cell)[0],
        neurons=(smallest["neurons"],) * smallest["layers"],
        dropout=0.0,
        window=smallest["window"],
        epochs=2,
        batch_size=max(extremes(space.batch_size)),
        learning_rate=1e-3,
        optimizer=extremes(space.optimizer)[0],
        weight_decay=0.0,
        averaging=False,
        scaler=extremes(space.scaler)[0],
        input_shift=smallest["input_shift"],
        output_shift=smallest["output_shift"],
        inputs=problem.table.always,
        clip=space.clip,
    )
    runner = TrialRunner(problem.worker_setup(problem.study.run.device, 1))
    times = [time.perf_counter()]
    reports = (said for said in runner.run(parameters.plain()) if not isinstance(said, Outcome))
    times += [time.perf_counter() for _ in reports]
    return times[-1] - times[-2], runner.description["device"]
