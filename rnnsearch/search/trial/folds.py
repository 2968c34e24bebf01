"""The rows of a trial: its inputs on the device, and its folds scaled."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray

from rnnsearch import targets
from rnnsearch.arrays import Rows
from rnnsearch.config import Predict
from rnnsearch.data.inputs.table import InputTable
from rnnsearch.model.fold import FoldTensors
from rnnsearch.model.paths import later, scales_together, together
from rnnsearch.model.scaling import Scaler, fit_scaler
from rnnsearch.model.windows import Fold, Split, shift_columns, window_ends
from rnnsearch.own_code import OwnCode
from rnnsearch.scoring.metrics import Metric
from rnnsearch.scoring.objectives import OBJECTIVES, Objective
from rnnsearch.search.trial.parameters import TrialParameters
from rnnsearch.targets import Quotes, RowScale, Target, TargetScale


@dataclass(frozen=True)
class TrialData:
    """What all trials of a study share; see `targets.SCORING` and `StudyFile.code`.

    formulation  of its study (`Target.formulation`); None for the newest
    """

    table: InputTable
    quotes: Quotes
    split: Split
    predict: Predict
    scoring: int = targets.SCORING
    code: Mapping[str, OwnCode] = field(default_factory=dict)
    formulation: int | None = None
    metrics: tuple[Metric, ...] | None = None  # all that are installed, where None
    objective: Objective = OBJECTIVES["skill"]

    @property
    def target(self) -> Target:
        return targets.get(self.predict)

    @property
    def series(self) -> int:
        """How many series the table has."""
        starts = self.split.refit.starts
        return 1 if starts is None else len(starts)


@dataclass(frozen=True, eq=False)
class PreparedFold:
    """A fold on the device, and what was fitted on its history.

    scalers, scales   of each series that takes part, by its number; of a path a scale for each step
    validation_scale  of the validation rows (m,), of a path (m, k)
    """

    tensors: FoldTensors
    scalers: Mapping[int, Scaler]
    scales: Mapping[int, tuple[TargetScale, ...]]
    validation_scale: RowScale

    @property
    def target_scales(self) -> Mapping[int, TargetScale]:
        """Of each series; of a path that of the first step."""
        return {series: steps[0] for series, steps in self.scales.items()}

    @property
    def scaler(self) -> Scaler:
        """Of the only series."""
        (scaler,) = self.scalers.values()
        return scaler

    @property
    def target_scale(self) -> TargetScale:
        """Of the only series."""
        (scale,) = self.target_scales.values()
        return scale

    @property
    def later_scales(self) -> tuple[TargetScale, ...]:
        """Of the further steps of the only series."""
        (steps,) = self.scales.values()
        return steps[1:]


def select_inputs(
    parameters: TrialParameters, data: TrialData, device: torch.device
) -> torch.Tensor:  # (rows, F) float32
    """The trial's inputs on the device, delayed by what their shifts differ; see `prepare_fold`.

    With all inputs of the table and one shift this is the table itself, which all workers share.
    Where the network learns who each of many series is, the last column is the series' number.
    """
    moved = _Moved.of(parameters, data.table)
    beyond = [0 if lead else shift - moved.least for shift, lead in moved.pairs]
    leads = [lead and lead + moved.least for lead in moved.leads]
    values = np.asarray(data.table.values)
    if any(beyond) or any(leads) or moved.columns != list(range(values.shape[1])):
        values = shift_columns(values, beyond, moved.columns, leads)
    if parameters.embedding:
        starts = data.split.refit.starts
        assert starts is not None  # the study file says that there are many
        numbers = np.searchsorted(starts, np.arange(len(values)), side="right") - 1
        values = np.concatenate([values, numbers[:, None].astype(np.float32)], axis=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # the table is read-only, and only read
        return torch.from_numpy(values).to(device)


def shifted_inputs(parameters: TrialParameters, table: InputTable) -> NDArray[np.float32]:
    """The trial's inputs (rows, F), each moved so that its window ends at the origin."""
    moved = _Moved.of(parameters, table)
    return shift_columns(table.values, moved.shifts, moved.columns, moved.leads)


@dataclass(frozen=True)
class _Moved:
    """The numbers of a trial's columns in the table, and how each is moved; see `shift_columns`."""

    columns: list[int]
    shifts: tuple[int, ...]
    leads: tuple[int, ...]

    @classmethod
    def of(cls, parameters: TrialParameters, table: InputTable) -> "_Moved":
        columns = table.columns(parameters.inputs).tolist()
        specs = [table.specs[column] for column in columns]
        return cls(columns, parameters.shifts(specs), parameters.leads(specs))

    @property
    def pairs(self) -> list[tuple[int, int]]:
        return list(zip(self.shifts, self.leads, strict=True))

    @property
    def least(self) -> int:
        """By which all inputs are delayed that are not known ahead."""
        return min((shift for shift, lead in self.pairs if not lead), default=0)


def prepare_fold(
    fold: Fold, parameters: TrialParameters, data: TrialData, device: torch.device
) -> PreparedFold:
    """Fit what is fitted on the fold's history, and put the fold's rows on the device.

    Each series has its own scaler and its own scale of targets. The windows end as many rows before
    their origins as all inputs are shifted by at least.
    """
    horizon = parameters.output_shift
    moved = _Moved.of(parameters, data.table)
    scalers, scales = {}, {}
    taught: list[NDArray[np.float32]] = []
    checked: list[NDArray[np.float32]] = []
    of_parts: list[RowScale] = []
    for part in fold.parts:
        history = data.table.values[part.history]
        scalers[part.series] = fit_scaler(parameters.scaler, history, moved.columns)
        steps = [
            _Step.of(later(part, step), horizon + step, data) for step in range(parameters.steps)
        ]
        taught.append(together([step.taught for step in steps]))
        checked.append(together([step.checked for step in steps]))
        scales[part.series] = tuple(step.scale for step in steps)
        of_parts.append(scales_together([step.validation_scale for step in steps]))

    def tensor(array: NDArray[Any]) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(device)

    scaler = _stacked(scalers, fold.starts, identified=bool(parameters.embedding))
    tensors = FoldTensors(
        scale=tensor(scaler.scale),
        offset=tensor(scaler.offset),
        train_ends=tensor(window_ends(fold.train, horizon) - moved.least),
        train_targets=tensor(np.concatenate(taught)),
        validation_ends=tensor(window_ends(fold.validation, horizon) - moved.least),
        validation_targets=tensor(np.concatenate(checked)),
        starts=None if fold.starts is None else tensor(fold.starts),
    )
    every = RowScale(
        *(np.concatenate([getattr(one, name) for one in of_parts]) for name in ("middle", "unit"))
    )
    return PreparedFold(tensors, scalers, scales, every)


@dataclass(frozen=True, eq=False)
class _Step:
    """What the network of a series learns of a step: scaled targets (n,) of the training rows, and
    (m,) of the validation rows."""

    scale: TargetScale
    taught: NDArray[np.float32]
    checked: NDArray[np.float32]
    validation_scale: RowScale

    @classmethod
    def of(cls, fold: Fold, ahead: int, data: TrialData) -> Self:
        """`fold` has the rows of the step."""
        target, quotes = data.target, data.quotes
        formulation = target.formulation if data.formulation is None else data.formulation
        scale = target.taught(quotes, fold.train, ahead, formulation)
        train, validation = (
            scale.at(quotes, rows - ahead) for rows in (fold.train, fold.validation)
        )
        return cls(
            scale,
            train.scale_values(target.values(quotes.target, fold.train, ahead)),
            validation.scale_values(target.values(quotes.target, fold.validation, ahead)),
            validation,
        )


def _stacked(scalers: Mapping[int, Scaler], starts: Rows | None, *, identified: bool) -> Scaler:
    """The scaler of one series (F,), or those of all (S, F); rows of others are never used.

    `identified`: the last column is the number of the series, which stays as it is.
    """
    one = next(iter(scalers.values()))
    if starts is None:
        return one
    count, columns = len(starts), len(one.scale)
    scale = np.ones((count, columns + identified), np.float32)
    offset = np.zeros((count, columns + identified), np.float32)
    for number, scaler in scalers.items():
        scale[number, :columns], offset[number, :columns] = scaler.scale, scaler.offset
    return Scaler(scale, offset)
