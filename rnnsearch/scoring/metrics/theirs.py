"""Metrics of others, which may fail, and cannot do harm: another package's, or a study's own.

A study's own is "my_metrics.py:worst", its file and what it is called there: a function of a
`Scored` that gives a number, or a `Metric`.
"""

import contextlib
import inspect
import re
import sys
import warnings
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from rnnsearch import plugins
from rnnsearch.arrays import read_only
from rnnsearch.errors import StudyFileError, shown
from rnnsearch.own_code import OwnCode, find, told
from rnnsearch.scoring.metrics.base import Metric, Scored
from rnnsearch.targets import Quotes, Target, naive_forecasts

PLACE = "[evaluate] metrics"
EXAMPLE = "my_metrics.py:worst"

KEY = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,99}")


class MetricError(Exception):
    """A metric has no value for these rows: why, in one line."""


def unfit(metric: Metric, taken: Collection[str]) -> str:
    """Why a metric cannot stand among the others; empty where it can."""
    if not isinstance(metric.key, str) or not KEY.fullmatch(metric.key):
        return (
            "the key of a metric has letters, digits and '_', starts with a letter and has at most "
            f"100 characters, got {shown(metric.key)}"
        )
    if metric.key in taken:
        return f"there is a metric {metric.key!r} already; give this one another key"
    if metric.better not in ("higher", "lower", ""):
        return f"better should be 'higher', 'lower' or '', got {shown(metric.better)}"
    try:
        for value in (0.5, -1234.5):
            metric.text(value)
            metric.cell(value)
    except (AttributeError, TypeError, ValueError):
        return f"format should be as Python has it for numbers, '.3f', got {shown(metric.format)}"
    return ""


def own(
    names: Sequence[str],
    code: Mapping[str, OwnCode],
    taken: Collection[str],
    place: str = PLACE,
) -> list[Metric]:
    """The metrics of these references; `code` are the study's files. Raises StudyFileError."""
    found: dict[str, Metric] = {}
    for name in names:
        file, called = name.rsplit(":", 1)
        one = _metric(find(code[file], called, place), called)
        if one is None:
            raise StudyFileError(
                f"{place}: {shown(name)} should be a function of a Scored, or a Metric"
            )
        if reason := unfit(one, {*taken, *found}):
            raise StudyFileError(f"{place}: {shown(name)}: {reason}")
        found[one.key] = guarded(one, code[file])
    return [*found.values()]


def _metric(one: object, called: str) -> Metric | None:
    if isinstance(one, Metric) or not callable(one) or isinstance(one, type):
        return one if isinstance(one, Metric) else None
    first = (inspect.getdoc(one) or "").strip().partition("\n")[0].rstrip(".")
    return Metric(key=called, label=called.replace("_", " "), function=one, meaning=first)


def guarded(metric: Metric, code: OwnCode | None = None) -> Metric:
    """A metric whose function raises MetricError in place of whatever it raised.

    It is shown arrays that it cannot change. Its warnings are not shown, and what it prints goes to
    stderr, so that `--json` stays JSON. `code` is the user's file that it is in.
    """

    def function(scored: Scored) -> float:
        try:
            with (
                warnings.catch_warnings(),
                np.errstate(all="ignore"),
                contextlib.redirect_stdout(sys.stderr),
            ):
                warnings.simplefilter("ignore")
                value = metric.function(_locked(scored))
        except (Exception, SystemExit) as error:
            raise MetricError(
                plugins.failed(error) if code is None else told(error, code)
            ) from None
        if not isinstance(value, int | float | np.number | np.ndarray) or np.size(value) != 1:
            raise MetricError(f"its value should be one number, got a {type(value).__name__}")
        return float(np.asarray(value, dtype=np.float64).reshape(()))

    def applies(target: Target) -> bool:
        try:
            return bool(metric.applies(target))
        except Exception:
            return False

    return replace(metric, function=function, applies=applies)


def try_own(metrics: Iterable[Metric], target: Target, place: str = PLACE) -> None:
    """Each of the metrics on a few made-up rows. Raises StudyFileError where one fails."""
    rows = _made_up(target)
    for metric in metrics:
        try:
            if metric.applies(target):
                metric.function(rows)
        except MetricError as error:
            raise StudyFileError(f"{place}: {error}; mend it there") from None


def _made_up(target: Target) -> Scored:
    """A walk of 80 prices; the last 40 are forecast."""
    rng = np.random.default_rng(0)
    close = 100 * np.exp(np.cumsum(0.01 * rng.normal(size=80)))
    rows, train = np.arange(40, 80), np.arange(1, 40)
    naive = naive_forecasts(target, Quotes(close), rows, 1, train)
    actual = target.values(close, rows, 1)
    first = next(iter(naive.values()))
    return Scored(
        actual=actual,
        forecast=0.8 * first + 0.2 * actual,
        naive=naive,
        hardest=first,
        origin=close[rows - 1],
        target=target,
        moved=float(np.abs(np.diff(close)).mean()),
    )


def _locked(scored: Scored) -> Scored:
    return replace(
        scored,
        actual=read_only(scored.actual),
        forecast=read_only(scored.forecast),
        naive={name: read_only(values) for name, values in scored.naive.items()},
        hardest=read_only(scored.hardest),
        origin=read_only(scored.origin),
    )
