"""A path: several sessions forecast at once, as one-step forecasts that share an origin.

    n  rows      k  steps      h  output shift      j  0 .. k-1: a step, h + j after the origin

The target row of a path is that of its first step, `r = t + h`; step j is a forecast of row r + j,
h + j sessions ahead. So what is known of one step holds for each. Arrays of one step are (n,), of
several (n, k).
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from rnnsearch.arrays import Floats, T
from rnnsearch.model.windows import Fold
from rnnsearch.targets import RowScale

TOLD = ("skill", "gain", "rmse")
"""Metrics of a trial that are told of each step, too."""


def shaped(values: Floats, steps: int) -> Floats:
    """Numbers row by row, n times k of them, as (n,) of one step and (n, k) of several."""
    return values if steps == 1 else values.reshape(-1, steps)


def apart(values: Floats, steps: int) -> list[Floats]:
    """(n,) or (n, k) -> each step's (n,); of one step what is given."""
    if steps == 1:
        return [values]
    return [np.ascontiguousarray(step) for step in values.reshape(-1, steps).T]


def together(steps: Sequence[NDArray[T]]) -> NDArray[T]:
    """Each step's (n,) -> (n,) of one step, (n, k) of several."""
    return steps[0] if len(steps) == 1 else np.stack(steps, axis=1)


def scales_together(steps: Sequence[RowScale]) -> RowScale:
    return RowScale(together([one.middle for one in steps]), together([one.unit for one in steps]))


def later(fold: Fold, step: int) -> Fold:
    """The rows of a fold as those of a step: what is fitted on is the same history."""
    if not step:
        return fold
    return replace(fold, train=fold.train + step, validation=fold.validation + step)


def mean(steps: Sequence[float]) -> float:
    """Over the steps; of one step what is given."""
    return float(steps[0] if len(steps) == 1 else np.mean(steps))


def averaged(steps: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Metrics of each step -> the mean of each that all steps have."""
    shared = [key for key in steps[0] if all(key in one for one in steps)]
    return {key: mean([one[key] for one in steps]) for key in shared}


def by_step(steps: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The metrics `TOLD` of each step of several, as `skill_step_1`; nothing of one step."""
    if len(steps) == 1:
        return {}
    return {
        f"{key}_step_{number}": one[key]
        for key in TOLD
        for number, one in enumerate(steps, start=1)
        if key in one
    }
