"""What a study file and its data make together: the input table and the rows of every fold."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from rnnsearch import cells, targets
from rnnsearch.config import StudyFile, digest, extremes, home
from rnnsearch.config.sections import TRADED
from rnnsearch.data.atomic import read_file, replace_file
from rnnsearch.data.inputs.build import InputTable, build_inputs
from rnnsearch.data.inputs.functions import check_same, try_functions
from rnnsearch.data.prices.load import Prices, read_prices
from rnnsearch.data.prices.panel import Panel
from rnnsearch.errors import StudyFileError
from rnnsearch.model.panel import Stretch, split_panel
from rnnsearch.model.paths import later
from rnnsearch.model.windows import MIN_TRAIN, Fold, Split, first_target_row, split_rows
from rnnsearch.scoring import baselines, metrics, objectives
from rnnsearch.scoring.baselines import Baseline
from rnnsearch.scoring.inference.significance import MIN_ROWS
from rnnsearch.scoring.metrics import Metric
from rnnsearch.scoring.objectives import Objective, Wanted
from rnnsearch.scoring.panel.ranks import FEWEST
from rnnsearch.search import tradable
from rnnsearch.search.inputs.candidates import Candidates
from rnnsearch.search.inputs.pooled import PooledRows, rank_pool, useless_in_pool
from rnnsearch.search.inputs.ranking import Ranking, rank_inputs, usable_lags, useless_columns
from rnnsearch.search.pooling import read_pool
from rnnsearch.search.side_by_side import Reading, silently
from rnnsearch.search.trial.protocol import WorkerSetup
from rnnsearch.shown import some
from rnnsearch.targets import SCORING, Target

NAMED = 5  # series in a remark
RANKING_VERSION = 1  # raise it when the ranking of the same data changes


@dataclass(frozen=True)
class Problem:
    """Read once by a command. Raises DataError where the data do not suffice for the study."""

    study: StudyFile
    prices: Prices
    table: InputTable
    split: Split

    @classmethod
    def load(
        cls, study: StudyFile, *, tried: bool = False, reading: Reading = silently
    ) -> "Problem":
        """`tried`: the user's own functions and cells are tried before they are relied on.

        `reading` is told how many series are read, of those that train one network.
        """
        if study.data.pool:
            return cls._pooled(study, tried=tried, reading=reading)
        return cls.of(study, read_prices(study.data), tried=tried)

    @classmethod
    def of(cls, study: StudyFile, prices: Prices, *, tried: bool = False) -> "Problem":
        """The study on prices that are read already."""
        module = study.module if tried else None
        made = try_functions(prices, module) if module else None
        table = build_inputs(prices, study, cache_folder())
        if module is not None and made is not None:
            check_same(made, table.names, table.values, prices, module)
        if tried:
            _try_cells(study)
        split = split_rows(
            len(prices.frame),
            warmup=table.warmup,
            **_furthest(study),
            test=study.split.test,
            folds=study.split.folds,
            validation=study.split.validation,
            expanding=study.split.expanding,
            steps=study.data.steps,
            name=prices.name,
        )
        problem = cls(study, prices, table, split)
        if tried:
            problem.try_measures()
        return problem

    @classmethod
    def _pooled(cls, study: StudyFile, *, tried: bool, reading: Reading) -> "Problem":
        """The problem of many series in one table. Raises DataError."""
        read = read_pool(study, cache_folder(), tried=tried, reading=reading)
        if tried:
            _try_cells(study)
        furthest = _furthest(study)
        stretches = [
            Stretch(
                prices.dates.to_numpy("datetime64[us]"),
                int(begins),
                # Nothing that is known at an origin lies before the series' own first row.
                max(
                    first_target_row(warmup=table.warmup, **furthest),
                    2 * furthest["max_output_shift"],
                ),
            )
            for prices, table, begins in zip(
                read.panel.each.values(), read.tables, read.panel.begins[:-1], strict=True
            )
        ]
        split = split_panel(
            stretches,
            reach=first_target_row(warmup=0, **furthest),
            max_output_shift=furthest["max_output_shift"],
            test=study.split.test,
            folds=study.split.folds,
            validation=study.split.validation,
            expanding=study.split.expanding,
            name=read.panel.name,
        )
        problem = cls(study, read.panel, read.table, split)
        if tried:
            problem.try_measures()
        return problem

    @property
    def panel(self) -> Panel | None:
        """The prices of many series in one table; None of one series."""
        return self.prices if isinstance(self.prices, Panel) else None

    @property
    def series(self) -> int:
        """How many series the table has."""
        return 1 if self.panel is None else len(self.panel.each)

    @property
    def target(self) -> Target:
        return targets.get(self.study.data.predict)

    @property
    def steps(self) -> int:
        """Sessions forecast at once."""
        return self.study.data.steps

    @property
    def notes(self) -> tuple[str, ...]:
        """What looks odd in the data, and which metrics of other packages cannot be used."""
        return (
            *self.prices.warnings,
            *self._bystanders(),
            *self.table.notes,
            *metrics.brought()[1],
        )

    def _bystanders(self) -> Iterator[str]:
        """Of many series those that train no network: they begin too late, or are too short."""
        if self.panel is None:
            return
        taking = {part.series for part in self.split.refit.parts}
        names = [name for n, name in enumerate(self.panel.series) if n not in taking]
        if names:
            yield (
                f"{some(names, NAMED)}: no part in this study, for want of {MIN_TRAIN} rows to "
                "train on before the locked test"
            )

    @cached_property
    def metrics(self) -> tuple[Metric, ...]:
        """All that a forecast is measured by. Raises StudyFileError."""
        return metrics.of_study(self.study.evaluate.metrics, self.study.code)

    @cached_property
    def baselines(self) -> tuple[Baseline, ...]:
        """All that the champion is compared with. Raises StudyFileError."""
        return baselines.of_study(self.study.evaluate.baselines, self.study.code)

    @cached_property
    def wanted(self) -> Wanted:
        """What the search maximises, as workers are told it."""
        study = self.study
        if study.study.metric != TRADED:
            return Wanted(study.study.metric)
        year = tradable.sessions_of_a_year(self.prices)
        return Wanted(TRADED, study.trade.model_dump(), year, tradable.opens(self.prices))

    @cached_property
    def objective(self) -> Objective:
        """Raises StudyFileError."""
        return objectives.objective(self.wanted, self.prices.close, self.study.code)

    @property
    def own_metrics(self) -> list[Metric]:
        return [one for one in self.metrics if one not in metrics.registry()]

    @property
    def own_baselines(self) -> list[Baseline]:
        return [one for one in self.baselines if one not in baselines.registry()]

    def try_measures(self) -> None:
        """The study's own metrics on a few rows; its own baselines, and what is traded, are there;
        what it is to maximise can be had.

        Raises StudyFileError.
        """
        metrics.try_own(self.own_metrics, self.target)
        _ = self.baselines
        if self.panel is not None:
            objectives.check(self.objective, self.target)
            if self.objective.key == metrics.ORDER.key:
                self._check_order()
            return
        tradable.check(self.study, self.prices)
        if self.wanted.trade is not None:
            first = int(self.split.first) - max(extremes(self.study.space.output_shift))
            if reason := tradable.why_not(self.study, self.prices, first):
                raise StudyFileError(
                    f'{objectives.PLACE}: a search by "sharpe" needs trades, but {reason}; write '
                    'metric = "skill", or change that'
                )
        objectives.check(self.objective, self.target)

    def _check_order(self) -> None:
        """Raises StudyFileError where too few dates have series enough to be ordered."""
        days = np.concatenate([f.days for f in self.split.folds if f.days is not None])
        there = int((np.unique(days, return_counts=True)[1] >= FEWEST).sum())
        if there < MIN_ROWS:
            raise StudyFileError(
                f'{objectives.PLACE}: "rank_ic" of a pool: {objectives.TOO_FEW_SERIES}, and there '
                f'are {there}; add series, or write metric = "skill"'
            )

    @cached_property
    def candidates(self) -> Candidates:
        """The inputs to choose from, judged on the training rows before any validation row."""
        fold = later(self.split.folds[0], self.steps - 1)  # known then, as far as lags reach
        if self.study.inputs.search == "ranked":
            return Candidates.ranked(self.table, self._ranking(fold))
        if self.panel is not None:
            return Candidates.unranked(self.table, useless_in_pool(self._pooled_looks(fold)))
        return Candidates.unranked(
            self.table,
            useless_columns(
                self.table.values, fold.train, lags=self._lags(), ahead=self.table.ahead
            ),
        )

    def _pooled_looks(self, fold: Fold) -> PooledRows:
        dates = self.prices.dates.to_numpy("datetime64[us]")
        return PooledRows(
            self.table.values,
            self.prices.close,
            dates,
            [part.train for part in fold.parts],
            self._lags(),
            self.table.ahead,
        )

    def _lags(self) -> range:
        space = self.study.space
        return usable_lags(
            max_window=max(extremes(space.window)),
            input_shifts=extremes(space.input_shift),
            max_output_shift=self.study.furthest,
        )

    def _ranking(self, fold: Fold) -> Ranking:
        """All inputs, ranked on the fold's training rows; kept in the cache."""
        lags, train = self._lags(), fold.train
        name = digest(
            self.table.hash, [int(row) for row in train[[0, -1]]], list(lags), *_ends(fold)
        )
        path = cache_folder() / f"{name}-ranking-{RANKING_VERSION}.json"
        try:
            return Ranking.from_plain(json.loads(read_file(path)))
        except (OSError, ValueError, TypeError, LookupError, AttributeError):  # absent or damaged
            if self.panel is not None:
                ranking = rank_pool(self._pooled_looks(fold))
            else:
                ranking = rank_inputs(
                    self.table.values, self.prices.close, train, lags=lags, ahead=self.table.ahead
                )
            text = json.dumps(ranking.to_plain()).encode()
            replace_file(path, lambda file: file.write(text))
            return ranking

    def data_record(self) -> dict[str, Any]:
        """What the store remembers of the data."""
        dates = self.prices.dates
        return {
            "name": self.prices.name,
            "hash": self.table.hash,
            "prices": self.prices.hash,
            "rows": len(dates),
            "first": str(dates.min())[:10],
            "last": str(dates.max())[:10],
            "inputs": len(self.table.names),
            "scored_on": self._scored_on(),
            **({} if self.panel is None else {"series": len(self.panel.each)}),
        }

    def _scored_on(self) -> str:
        """A hash of what a trial's value depends on, beside its parameters."""
        data = self.study.data
        own = {name: code.hash for name, code in self.study.trained_code.items()}
        series = self.table.hash if data.join else self.prices.hash
        rows = [
            [int(rows[end]) for rows in (fold.train, fold.validation) for end in (0, -1)]
            for fold in self.split.folds
        ]
        extra = [*([own] if own else []), *self.target.mark()]
        extra += [list(self.prices.ahead)] if self.prices.ahead else []
        extra += [_ends(fold) for fold in self.split.folds if self.panel is not None]
        extra += [self.study.valued_by] if self.study.valued_by else []
        extra += [{"steps": self.steps}] if self.steps > 1 else []
        return digest(series, data.target, data.predict, rows, SCORING, *extra)

    def worker_setup(
        self, device: str, workers_per_device: int, kernels: Path | None = None
    ) -> WorkerSetup:
        """Everything a worker maps or is told. `kernels` is what `engines.kernels` prepared."""
        assert self.table.path is not None  # `load` has written it to the cache
        return WorkerSetup(
            table=self.table.path,
            quotes=self.prices.quotes,
            split=self.split,
            predict=self.study.data.predict,
            device=device,
            precision=self.study.run.precision,
            workers_per_device=workers_per_device,
            code=self.study.code,
            kernels=kernels,
            metrics=self.study.evaluate.metrics,
            objective=self.wanted,
        )


def _furthest(study: StudyFile) -> dict[str, int]:
    """The largest window and shifts that the study allows, as `windows.split_rows` is told them."""
    space = study.space
    return {
        "max_window": max(extremes(space.window)),
        "max_input_shift": max(extremes(space.input_shift)),
        "max_output_shift": max(extremes(space.output_shift)),
    }


def _ends(fold: Fold) -> list[list[int]]:
    """First and last rows of each series of a fold of several."""
    if fold.starts is None:
        return []
    return [
        [
            part.series,
            *(
                int(rows[end])
                for rows in (part.train, part.validation)
                if len(rows)
                for end in (0, -1)
            ),
        ]
        for part in fold.parts
    ]


def _try_cells(study: StudyFile) -> None:
    """Each cell that is not ours makes a small network; torch is imported only where there is one.

    Raises StudyFileError.
    """
    space = study.space
    brought = [cells.get(name, study.code) for name in extremes(space.cell)]
    for cell in [cell for cell in brought if cell.brought]:
        from rnnsearch.model.networks.own_cell import try_cell

        try_cell(cell, min(extremes(space.neurons)), min(extremes(space.window)))


def cache_folder() -> Path:
    return home() / "cache"
