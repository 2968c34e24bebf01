"""What simpler methods forecast for the rows of many series, fitted on the rows the network was.

Those that learn from windows learn from the rows of all, scaled for each series as the network's
are: inputs by a scaler of its own, targets by its volatility. Nothing here looks past the rows of
the fold but for the forecasts' own windows.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch

from rnnsearch.arrays import Floats, Rows
from rnnsearch.model.windows import Fold
from rnnsearch.scoring import baselines
from rnnsearch.scoring.baselines.pooled import of_pool
from rnnsearch.scoring.inference.skipped import Skipped
from rnnsearch.search.problem import Problem
from rnnsearch.search.trial.folds import PreparedFold, TrialData, prepare_fold, shifted_inputs
from rnnsearch.search.trial.parameters import TrialParameters
from rnnsearch.search.trial.refits import baseline_task
from rnnsearch.targets import Quotes, RowScale

CPU = torch.device("cpu")


@dataclass(frozen=True, eq=False)
class Simple:
    """What each said, or why there is nothing; `counts`: the rows of each series, in order."""

    found: dict[str, baselines.Fitted | Skipped]
    counts: tuple[int, ...]

    @property
    def forecasts(self) -> dict[str, list[Floats]]:
        """Of those that have some: of each series (n,), in the target's unit."""
        cuts = np.cumsum(self.counts)[:-1]
        return {
            name: np.split(one.forecast, cuts)
            for name, one in self.found.items()
            if not isinstance(one, Skipped)
        }


def simple_forecasts(
    problem: Problem,
    parameters: TrialParameters,
    formulation: int | None,
    say: Callable[[str], None],
) -> Simple:
    """Of the locked rows, as `comparison.simple_forecasts` has those of one series."""
    asked = _asked(problem, parameters, problem.split.refit, problem.split.test, formulation)
    chosen = of_pool(problem.baselines, asked.each)
    counts = tuple(len(task.test_rows) for task in asked.each.values())
    return Simple(baselines.run(asked.together, say, chosen), counts)


def try_own_baselines(
    problem: Problem, parameters: TrialParameters, formulation: int | None
) -> None:
    """As `comparison.try_own_baselines`. Raises StudyFileError."""
    if own := problem.own_baselines:
        fold = problem.split.folds[-1]
        asked = _asked(problem, parameters, fold, fold.validation, formulation)
        baselines.try_own(of_pool(own, asked.each), asked.together)


@dataclass(frozen=True, eq=False)
class _Asked:
    """The task of all series, and those of one, by name."""

    together: baselines.Task
    each: dict[str, baselines.Task]


def _asked(
    problem: Problem, parameters: TrialParameters, fold: Fold, rows: Rows, formulation: int | None
) -> _Asked:
    """`rows` (m,): target rows to forecast, series by series."""
    panel, quotes, target = problem.panel, problem.prices.quotes, problem.target
    assert panel is not None
    h, owners = parameters.output_shift, panel.owners(rows)
    data = TrialData(
        problem.table, quotes, problem.split, problem.study.data.predict, formulation=formulation
    )
    prepared = prepare_fold(fold, parameters, data, CPU)
    learnt, said, each = [], [], {}
    for part in fold.parts:
        own, scale = rows[owners == part.series], prepared.target_scales[part.series]
        learnt.append(scale.at(quotes, part.train - h))
        if not len(own):
            continue
        said.append(scale.at(quotes, own - h))
        begins, ends = part.begins, int(panel.begins[part.series + 1])
        close = None if quotes.close is None else quotes.close[begins:ends]
        history = slice(part.history.start - begins, part.history.stop - begins)
        each[panel.series[part.series]] = baseline_task(
            replace(problem.table, values=problem.table.values[begins:ends], coming=None),
            Quotes(quotes.target[begins:ends], close),
            target,
            parameters,
            Fold(part.train - begins, own - begins, history),
            own - begins,
            scale,
        )
    taught, told = _stacked(learnt), _stacked(said)
    _, when = np.unique(problem.prices.dates.to_numpy("datetime64[us]"), return_inverse=True)
    together = baselines.Task(
        prices=quotes.target,
        closes=quotes.close if target.log_volatility else None,
        history=slice(0, 0),
        inputs=_scaled(problem, parameters, fold, prepared),
        window=parameters.window,
        horizon=h,
        train_rows=fold.train,
        train_targets=target.values(quotes.target, fold.train, h),
        test_rows=rows,
        probability=target.chance,
        from_growth=None,
        scales=None
        if target.chance
        else ((lambda y: taught.scale_values(y).astype(np.float64)), told.unscale),
        when=when.astype(np.int64),
    )
    return _Asked(together, each)


def _scaled(
    problem: Problem, parameters: TrialParameters, fold: Fold, prepared: PreparedFold
) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """(rows, F); 0 of series that take no part."""
    panel = problem.panel
    assert panel is not None
    inputs = shifted_inputs(parameters, problem.table)
    scaled = np.zeros(inputs.shape, np.float32)
    for part in fold.parts:
        rows = slice(part.begins, int(panel.begins[part.series + 1]))
        scaler = prepared.scalers[part.series]
        scaled[rows] = inputs[rows] * scaler.scale + scaler.offset
    return scaled


def _stacked(scales: list[RowScale]) -> RowScale:
    return RowScale(
        np.concatenate([one.middle for one in scales]), np.concatenate([one.unit for one in scales])
    )
