"""Baselines of others: another package's, or a study's own.

A study's own is "my_baselines.py:MEAN", its file and what it is called there: a `Baseline`, or a
function of a `Task` that gives the forecasts (m,) or a `Fitted`.
"""

import contextlib
import inspect
import re
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnsearch import plugins, targets
from rnnsearch.arrays import Floats, read_only
from rnnsearch.errors import StudyFileError, shown
from rnnsearch.own_code import OwnCode, find, told
from rnnsearch.scoring.baselines.base import Baseline, Fitted, Task
from rnnsearch.scoring.inference.skipped import Skipped

PLACE = "[evaluate] baselines"
EXAMPLE = "my_baselines.py:MEAN"

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,39}")
NOT_BASELINES = frozenset(
    {
        "champion",
        "one_fit",
        "persistence",
        *(name for t in targets.registry().values() for name in t.naive_words),
    }
)
"""Forecasts of the table that are no baselines."""


class BaselineError(Exception):
    """A baseline has no forecast for its rows: why, in one line."""


AHEAD = (
    "it looks ahead, or is not the same twice: with other prices and inputs after an origin it "
    "forecasts something else from there; use what is known at the origin, and seed what is random"
)


def own(
    names: Sequence[str], code: Mapping[str, OwnCode], taken: Collection[str]
) -> list[Baseline]:
    """The baselines of these references; `code` are the study's files. Raises StudyFileError."""
    found: dict[str, Baseline] = {}
    for name in names:
        file, called = name.rsplit(":", 1)
        one = _baseline(find(code[file], called, PLACE), called)
        if one is None:
            raise StudyFileError(
                f"{PLACE}: {shown(name)} should be a function of a Task, or a Baseline"
            )
        if not isinstance(one.name, str) or not NAME.fullmatch(one.name):
            raise StudyFileError(
                f"{PLACE}: {shown(name)}: the name of a baseline has letters, digits and '_', "
                f"starts with a letter and has at most 40 characters, got {shown(one.name)}"
            )
        if one.name in {*taken, *found}:
            raise StudyFileError(
                f"{PLACE}: {shown(name)}: there is a forecast {one.name!r} already; give this one "
                "another name"
            )
        found[one.name] = guarded(one, code[file])
    return [*found.values()]


def _baseline(one: object, called: str) -> Baseline | None:
    if isinstance(one, Baseline) or not callable(one) or isinstance(one, type):
        return one if isinstance(one, Baseline) else None
    first = (inspect.getdoc(one) or "").strip().partition("\n")[0].rstrip(".")
    return Baseline(
        name=called, meaning=first or "of this study", applies=lambda _: True, forecast=one
    )


def guarded(one: Baseline, code: OwnCode | None = None) -> Baseline:
    """A baseline that cannot change what it is shown, and raises BaselineError for what goes wrong.

    It goes wrong, too, where it looks ahead. `code` is the user's file that it is in.
    """

    def forecast(task: Task) -> Fitted | Skipped:
        first = _run(one.forecast, task, code)
        if isinstance(first, Skipped):
            return first
        origin = int(task.test_rows[len(task.test_rows) // 2]) - task.horizon
        again = _run(one.forecast, _other_future(task, origin), code)
        if isinstance(again, Skipped):
            raise BaselineError(AHEAD)
        known = ~_after(task, origin)[task.test_rows - task.horizon]
        values, others = first.forecast[known], again.forecast[known]
        if not np.allclose(values, others, rtol=0, atol=1e-6 * float(np.abs(values).max())):
            raise BaselineError(AHEAD)
        return first

    return replace(one, forecast=forecast)


def _run(method: Callable[[Task], Any], task: Task, code: OwnCode | None) -> Fitted | Skipped:
    """What it printed goes to stderr, so that `--json` stays JSON."""
    try:
        with contextlib.redirect_stdout(sys.stderr):
            result = method(_locked(task))
    except (Exception, SystemExit) as error:
        said = plugins.failed(error) if code is None else told(error, code).rstrip(".")
        raise BaselineError(said) from None
    if isinstance(result, Skipped):
        return result
    if not isinstance(result, Fitted):
        result = Fitted(result, "", len(task.train_rows))
    try:
        values = np.asarray(result.forecast, dtype=np.float64)
    except (TypeError, ValueError):
        kind = type(result.forecast).__name__
        raise BaselineError(f"its forecast should be an array of numbers, got a {kind}") from None
    check_whole(values, task)
    return replace(result, forecast=values)


def check_whole(forecast: Floats, task: Task) -> None:
    """Raises BaselineError for anything but m finite numbers."""
    if forecast.shape != task.test_rows.shape:
        raise BaselineError(
            f"it forecast {forecast.size:,} numbers for {len(task.test_rows):,} rows"
        )
    if not np.isfinite(forecast).all():
        raise BaselineError("its forecast is not a finite number on every row")


def try_own(brought: Sequence[Baseline], task: Task) -> None:
    """Each of a study's own baselines on some rows. Raises StudyFileError where one fails."""
    for one in brought:
        try:
            one.forecast(task)
        except BaselineError as error:
            raise StudyFileError(f"{PLACE}: {one.name}: {error}; mend it there") from None


def _other_future(task: Task, origin: int) -> Task:
    """The same task where everything after `origin` came otherwise."""
    prices, inputs = task.prices.copy(), task.inputs.copy()
    later = _after(task, origin)
    further = np.linspace(1.5, 3, int(later.sum()))
    prices[later] *= further
    closes = None if task.closes is None else task.closes.copy()
    if closes is not None:
        closes[later] *= further
    inputs[later] = 1 - inputs[later]
    return replace(task, prices=prices, inputs=inputs, closes=closes)


def _after(task: Task, origin: int) -> NDArray[np.bool_]:
    """(rows,) whether each comes later than this one."""
    when = np.arange(len(task.prices)) if task.when is None else task.when
    return np.asarray(when > when[origin])


def _locked(task: Task) -> Task:
    return replace(
        task,
        prices=read_only(task.prices),
        closes=None if task.closes is None else read_only(task.closes),
        inputs=read_only(task.inputs),
        when=None if task.when is None else read_only(task.when),
        train_rows=read_only(task.train_rows),
        train_targets=read_only(task.train_targets),
        test_rows=read_only(task.test_rows),
    )
