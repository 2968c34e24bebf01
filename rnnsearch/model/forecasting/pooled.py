"""One network of many series on disk: a forecaster, and beside it what is each series' own.

The folder is that of a `Forecaster` (whose scaler, history and errors are those of the first
series), and `series.safetensors` with those of all. The specification holds its checksum.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from rnnsearch.arrays import Floats
from rnnsearch.data.atomic import read_file, replace_file
from rnnsearch.data.inputs.table import InputTable
from rnnsearch.data.prices.load import Prices
from rnnsearch.errors import DataError
from rnnsearch.model.forecasting.bands import Moves
from rnnsearch.model.forecasting.forecaster import Forecaster
from rnnsearch.model.forecasting.history import History
from rnnsearch.model.forecasting.spec import ForecasterSpec, damaged
from rnnsearch.model.scaling import Scaler, ScalerKind, fit_scaler
from rnnsearch.model.windows import MIN_TRAIN
from rnnsearch.targets import TargetScale

SERIES = "series.safetensors"


@dataclass(frozen=True, eq=False)
class OfSeries:
    """What is one series' own; see `Forecaster`."""

    scaler: Scaler
    target_scale: TargetScale
    history: History
    errors: Floats
    scales: Floats
    seen: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class PooledForecaster:
    """lead: the networks, and what they are; series: by name, in the order of their numbers;
    kind: of the scalers."""

    lead: Forecaster
    series: Mapping[str, OfSeries]
    numbers: Mapping[str, int]
    kind: ScalerKind

    @property
    def spec(self) -> ForecasterSpec:
        return self.lead.spec

    def of(self, name: str) -> Forecaster:
        """The forecaster of a series that trained it. Raises KeyError."""
        return self._with(self.series[name], self.numbers[name])

    def of_prices(
        self, name: str, prices: Prices, table: InputTable, origins: int | None
    ) -> Forecaster:
        """The forecaster of a series by these prices, whether it trained it or not."""
        if name in self.series:
            return self.of(name)
        return self.stranger(prices, table, origins or self.spec.output_shift)

    def stranger(self, prices: Prices, table: InputTable, origins: int) -> Forecaster:
        """The forecaster of a series that it never saw.

        Scaled by the rows up to the first of the last `origins` sessions, none of them later; its
        intervals are as wide as the errors of the others were, beside their usual moves. Raises
        DataError where there are too few rows.
        """
        spec, target = self.spec, self.lead.target
        last = len(prices.dates) - origins  # the first origin
        first = table.warmup + spec.output_shift
        if last + 1 - first < MIN_TRAIN:
            raise DataError(
                f"{prices.name}: a series that the network never saw needs {MIN_TRAIN} rows after "
                f"its warm-up of {first} to be scaled by, and has {max(last + 1 - first, 0)}; give "
                "older rows too" + (", or ask for fewer origins" if origins > 1 else "")
            )
        columns = table.columns(spec.inputs).tolist()
        rows = np.asarray(table.values[table.warmup : last + 1])
        quotes = self.lead.quotes(prices)
        targets = np.arange(first, last + 1, dtype=np.int64)
        known = prices.close[: last + 1]
        ratios = np.concatenate([one.errors / one.scales for one in self.series.values()])
        unit = Moves.fit(known, target).at(known)[-1]
        own = OfSeries(
            scaler=fit_scaler(self.kind, rows, columns),
            target_scale=target.taught(quotes, targets, spec.output_shift, target.formulation),
            history=History(prices.dates[: last + 1].to_numpy("datetime64[us]"), known),
            errors=ratios * unit,
            scales=np.full(len(ratios), unit),
            seen=np.stack([rows[:, columns].min(axis=0), rows[:, columns].max(axis=0)]),
        )
        return self._with(own, spec.series)

    def _with(self, own: OfSeries, number: int) -> Forecaster:
        scale = own.target_scale
        spec = replace(
            self.spec,
            target_mean=scale.mean,
            target_scale=scale.scale,
            target_start=scale.start,
            target_relative=scale.relative,
            target_least=scale.least,
        )
        return replace(
            self.lead,
            spec=spec,
            scaler=own.scaler,
            history=own.history,
            errors=own.errors,
            scales=own.scales,
            seen=own.seen,
            identity=number,
        )

    # --- on disk

    def save(self, folder: Path) -> None:
        """Write the folder, the specification last. Raises StorageError."""
        every = list(self.series.values())
        about = {
            "names": list(self.series),
            "numbers": [self.numbers[name] for name in self.series],
            "targets": [
                [s.mean, s.scale, s.start, s.relative, s.least]
                for s in (one.target_scale for one in every)
            ],
            "kind": self.kind,
        }
        tensors = {
            "scale": np.stack([one.scaler.scale for one in every]),
            "offset": np.stack([one.scaler.offset for one in every]),
            "seen": np.stack([one.seen for one in every]),
            "dates": np.concatenate([one.history.dates.view("i8") for one in every]),
            "target": np.concatenate([one.history.target for one in every]),
            "rows": np.array([len(one.history.dates) for one in every]),
            "errors": np.concatenate([one.errors for one in every]),
            "scales": np.concatenate([one.scales for one in every]),
            "judged": np.array([len(one.errors) for one in every]),
        }
        told = {name: torch.from_numpy(np.ascontiguousarray(v)) for name, v in tensors.items()}
        content = save(told, metadata={"series": json.dumps(about)})
        replace_file(folder / SERIES, lambda file: file.write(content))
        digest = hashlib.sha256(content).hexdigest()
        replace(self.lead, spec=replace(self.spec, pooled=digest)).save(folder)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read a folder that `save` wrote. Raises StorageError where it is not one, or damaged."""
        lead = Forecaster.load(folder)
        try:
            content = read_file(folder / SERIES)
            if hashlib.sha256(content).hexdigest() != lead.spec.pooled:
                raise ValueError(f"{SERIES} is not the file that belongs to the weights")
            with safe_open(folder / SERIES, "np") as file:
                about = json.loads(file.metadata()["series"])
                found = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            return cls(lead, _read(about, found), _numbers(about), about["kind"])
        except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
            raise damaged(folder, error) from None


def _numbers(about: dict[str, Any]) -> dict[str, int]:
    return dict(zip(about["names"], about["numbers"], strict=True))


def _read(about: dict[str, Any], found: Mapping[str, NDArray[Any]]) -> dict[str, OfSeries]:
    rows, judged = (np.cumsum([0, *found[name]]) for name in ("rows", "judged"))
    series = {}
    for place, name in enumerate(about["names"]):
        own, said = slice(*rows[place : place + 2]), slice(*judged[place : place + 2])
        series[name] = OfSeries(
            Scaler(found["scale"][place], found["offset"][place]),
            TargetScale(*about["targets"][place]),
            History(found["dates"][own].view("datetime64[us]"), found["target"][own]),
            found["errors"][said],
            found["scales"][said],
            found["seen"][place],
        )
    return series
