"""What a study file and its data make together: the input table and the rows of every fold."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rnnsearch.config import StudyFile, extremes, home
from rnnsearch.data.inputs import InputTable, build_inputs
from rnnsearch.data.prices import Prices, read_prices
from rnnsearch.model.windows import Split, split_rows
from rnnsearch.search.protocol import WorkerSetup


@dataclass(frozen=True)
class Problem:
    """Read once by a command. Raises DataError where the data do not suffice for the study."""

    study: StudyFile
    prices: Prices
    table: InputTable
    split: Split

    @classmethod
    def load(cls, study: StudyFile) -> "Problem":
        prices = read_prices(study.data)
        table = build_inputs(prices, study, cache_folder())
        space = study.space
        split = split_rows(
            len(prices.frame),
            warmup=table.warmup,
            max_window=max(extremes(space.window)),
            max_input_shift=max(extremes(space.input_shift)),
            max_output_shift=max(extremes(space.output_shift)),
            test=study.split.test,
            folds=study.split.folds,
            validation=study.split.validation,
            expanding=study.split.expanding,
        )
        return cls(study, prices, table, split)

    def data_record(self) -> dict[str, Any]:
        """What the store remembers of the data."""
        dates = self.prices.dates
        return {
            "name": self.prices.name,
            "hash": self.table.hash,
            "rows": len(dates),
            "first": str(dates[0])[:10],
            "last": str(dates[-1])[:10],
            "inputs": len(self.table.names),
        }

    def worker_setup(self, device: str, workers_per_device: int) -> WorkerSetup:
        """Everything a worker maps or is told."""
        assert self.table.path is not None  # `load` has written it to the cache
        return WorkerSetup(
            table=self.table.path,
            close=self.prices.close,
            split=self.split,
            predict=self.study.data.predict,
            device=device,
            precision=self.study.run.precision,
            workers_per_device=workers_per_device,
        )


def cache_folder() -> Path:
    return home() / "cache"
