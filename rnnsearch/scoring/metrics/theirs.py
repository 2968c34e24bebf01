"""Metrics of others, which may fail, and cannot do harm."""

import re
import warnings
from collections.abc import Collection
from dataclasses import replace

import numpy as np

from rnnsearch import plugins
from rnnsearch.errors import shown
from rnnsearch.scoring.metrics.base import Floats, Metric, Scored
from rnnsearch.targets import Target

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


def guarded(metric: Metric) -> Metric:
    """A metric whose function raises MetricError in place of whatever it raised.

    It is shown arrays that it cannot change, and its warnings are not.
    """

    def function(scored: Scored) -> float:
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                value = metric.function(_locked(scored))
        except Exception as error:
            raise MetricError(plugins.failed(error)) from None
        if not isinstance(value, int | float | np.number | np.ndarray) or np.size(value) != 1:
            raise MetricError(f"its value should be one number, got a {type(value).__name__}")
        return float(np.asarray(value, dtype=np.float64).reshape(()))

    def applies(target: Target) -> bool:
        try:
            return bool(metric.applies(target))
        except Exception:
            return False

    return replace(metric, function=function, applies=applies)


def _locked(scored: Scored) -> Scored:
    def locked(values: Floats) -> Floats:
        view = values.view()
        view.flags.writeable = False
        return view

    return replace(
        scored,
        actual=locked(scored.actual),
        forecast=locked(scored.forecast),
        naive={name: locked(values) for name, values in scored.naive.items()},
        hardest=locked(scored.hardest),
        origin=locked(scored.origin),
    )
