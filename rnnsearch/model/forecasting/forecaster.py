"""A fitted model that takes raw prices and returns dated forecasts.

On disk it is a folder and no pickle: `weights.safetensors` with the networks (one per seed), the
input scaler, the history it was trained on, its validation errors and their scales; `code/` with
what is a user's own, which runs when such a forecaster is used; `forecaster.json` with everything
else and the checksum of the weights, so that two files that do not belong together are noticed.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError

from rnnsearch import targets
from rnnsearch.arrays import Floats, Rows
from rnnsearch.config import DataSection
from rnnsearch.data.inputs.table import InputTable
from rnnsearch.data.prices.load import Prices
from rnnsearch.errors import DataError
from rnnsearch.model.forecasting import kept_code
from rnnsearch.model.forecasting.bands import Moves, radii, scales_of_validation
from rnnsearch.model.forecasting.folder import network_of, read, write
from rnnsearch.model.forecasting.history import History
from rnnsearch.model.forecasting.rows import (
    check_known_ahead,
    data_section,
    dates_of,
    first_origin,
    table_of,
)
from rnnsearch.model.forecasting.spec import (
    ALTERED,
    ForecasterSpec,
    damaged,
)
from rnnsearch.model.losses import MEDIAN
from rnnsearch.model.networks.network import Network
from rnnsearch.model.paths import apart, scales_together
from rnnsearch.model.scaling import Scaler
from rnnsearch.model.training import forecast as network_outputs
from rnnsearch.model.training import windows
from rnnsearch.model.windows import shift_columns
from rnnsearch.own_code import OwnCode
from rnnsearch.targets import Quotes, Target, TargetScale


@dataclass(frozen=True, eq=False)
class Forecaster:
    """The networks of one configuration, refitted with several seeds; its forecast is their mean.

    scaler   of the inputs, fitted on the history
    history  what it was trained on
    errors   (m,) forecast - actual on validation rows, in the target's unit; (m, k) of a path
    scales   (m,) what a usual move was when these were forecast (`Moves.at`), in the same unit
    seen     (2, F) the lowest and the highest value of each input on the rows that training saw;
             None of a forecaster that was made before this was kept
    code     the user's own files that the inputs or the cell come from, as `StudyFile.code`
    identity the number of the series, where a network of many learns who each is
    """

    spec: ForecasterSpec
    networks: tuple[Network, ...]
    scaler: Scaler
    history: History
    errors: Floats
    scales: Floats
    seen: NDArray[np.float32] | None = None
    code: Mapping[str, OwnCode] = field(default_factory=dict)
    identity: int = 0

    # --- forecasting

    def forecast_rows(self, prices: Prices, table: InputTable, origins: Rows) -> Floats:
        """(networks, n), of a path (networks, n, k): each network's forecasts, in the target's
        unit, from the origins' rows.

        `table` is `self.table(prices)`. Raises DataError where the column is missing that forecasts
        start from.
        """
        return self.forecast_quoted(table, self.quotes(prices), origins)

    def forecast_quoted(self, table: InputTable, quotes: Quotes, origins: Rows) -> Floats:
        """The same, with the prices as they are quoted."""
        said = self.said(table, quotes, origins)
        levels = self.spec.quantiles
        return said[..., levels.index(MEDIAN)] if levels else said

    def said(self, table: InputTable, quotes: Quotes, origins: Rows) -> Floats:
        """The same, but (networks, n, Q) of a forecaster of quantiles."""
        spec = self.spec
        scaled = scales_together([scale.at(quotes, origins) for scale in self.target_scales])
        columns = table.columns(spec.inputs).tolist()
        device = next(self.networks[0].parameters()).device
        inputs = torch.from_numpy(
            shift_columns(table.extended, spec.input_shifts, columns, spec.leads)
        )
        scaling = [self.scaler.scale, self.scaler.offset]
        if spec.embedding:  # the last column is the number of the series, as it is
            number = torch.full((len(inputs), 1), float(self.identity))
            inputs = torch.cat([inputs, number], dim=1)
            scaling = [np.append(a, b) for a, b in zip(scaling, _AS_IT_IS, strict=True)]
        inputs = inputs.to(device)
        ends = torch.from_numpy(origins).to(device)
        scale, offset = (torch.from_numpy(a).to(device) for a in scaling)
        unscaled = []
        for network in self.networks:
            outputs = network_outputs(
                network, inputs, ends, window=spec.window, scale=scale, offset=offset
            )
            outputs = self.target.squash(outputs)
            unscaled.append(scaled.unscale(outputs.cpu().numpy()))
        return np.stack(unscaled)

    def window(self, table: InputTable, origin: int) -> torch.Tensor:
        """(1, w, F): what its networks are shown to forecast from this row, scaled."""
        spec, columns = self.spec, table.columns(self.spec.inputs).tolist()
        inputs = shift_columns(table.extended, spec.input_shifts, columns, spec.leads)
        scale, offset = map(torch.from_numpy, (self.scaler.scale, self.scaler.offset))
        ends = torch.tensor([origin])
        return windows(torch.from_numpy(inputs), ends, spec.window, scale, offset)

    def quotes(self, prices: Prices) -> Quotes:
        """The prices that forecasts start from, whatever the sign of the close."""
        if all(scale.start != "close" for scale in self.target_scales):
            return Quotes(prices.close)
        if "Close" not in prices.frame:
            raise DataError(
                f"{prices.name}: the champion's forecasts of {prices.target} start from the row's "
                "Close, and there is no such column; give it too"
            )
        return Quotes(prices.close, prices.frame["Close"].to_numpy(np.float64))

    def forecast(
        self,
        prices: Prices,
        *,
        origins: int | None = None,
        level: float = 0.9,
        table: InputTable | None = None,
    ) -> pd.DataFrame:
        """Dated forecasts from the last `origins` sessions; by default those without a target yet.

        `table` is `self.table(prices)`, where the caller has it.

        One row per origin, and step of a path: origin_date, sessions_ahead, target_date (empty
        where it lies past the file and no calendar is named), then for a price forecast_return
        (empty where a price is not above 0), forecast_price, low_price and high_price (the interval
        of `intervals`; empty where there were too few validation errors for it), for a direction
        probability_up, for a volatility forecast_volatility, low_volatility and high_volatility;
        and of a forecaster of quantiles those (`q10_price`, the level in percent).

        Raises DataError where there are too few rows, a column is missing, or the file does not say
        what is known ahead of a target's date.
        """
        spec = self.spec
        count = spec.output_shift if origins is None else origins
        if count < 1:
            raise DataError(f"origins: must be at least 1 session, got {count}")
        table = table or self.table(prices)
        needed = first_origin(spec, table) + count
        if len(prices.dates) < needed:
            raise DataError(
                f"{prices.name}: {count} forecast{'s need' if count > 1 else ' needs'} at least "
                f"{needed} rows (warm-up, window, input shift), but there are "
                f"{len(prices.dates)}; give older rows too"
            )
        rows = np.arange(len(prices.dates) - count, len(prices.dates), dtype=np.int64)
        check_known_ahead(spec, prices, table, rows)
        dates, ahead = dates_of(spec, prices), spec.output_shift + np.arange(spec.steps)
        frame = pd.DataFrame(
            {
                "origin_date": prices.dates[np.repeat(rows, spec.steps)],
                "sessions_ahead": np.tile(ahead, count),
                "target_date": [dates[row + step] for row in rows for step in ahead],
            }
        )
        steps = self._in_user_terms(prices, table, rows, level)
        # By origin, and of each the steps in order.
        said = pd.concat(steps).sort_index(kind="stable").reset_index(drop=True)
        return pd.concat([frame, said], axis=1)

    def intervals(
        self,
        prices: Prices,
        table: InputTable,
        origins: Rows,
        level: float = 0.9,
        *,
        said: Floats | None = None,
        step: int = 0,
    ) -> tuple[Floats, Floats, Floats]:
        """Forecast, low and high (n,) in the target's unit, from increasing origins, of a step.

        An interval is a multiple of the usual move at its origin. The multiple holds `level` of the
        errors known at that origin: those on validation rows, then those that the prices show since
        the training ended, from which it adapts. Low and high are NaN where there are too few.
        `said` (n,) are forecasts of newer weights, in the place of this one's.
        """
        known = self._known(prices, table, origins)
        if said is not None:
            known.means[step][known.wanted] = said
        return self._interval(prices, known, level, step)

    def _known(self, prices: Prices, table: InputTable, origins: Rows) -> "_Known":
        trained = np.searchsorted(prices.dates.to_numpy("datetime64[us]"), self.history.dates[-1])
        start = max(int(trained), first_origin(self.spec, table))
        since = np.arange(start, int(origins[-1]) + 1, dtype=np.int64)
        rows = np.union1d(origins, since)
        means = self._means(prices, table, rows)
        return _Known(rows, np.searchsorted(rows, origins), len(since), means)

    def _interval(
        self, prices: Prices, known: "_Known", level: float, step: int
    ) -> tuple[Floats, Floats, Floats]:
        values = known.means[step]
        width = radii(
            prices.close,
            known.rows,
            values,
            calibration=apart(self.errors, self.spec.steps)[step] / self.scales,
            moves=Moves.fit(self.history.target, self.target),
            since=known.since,
            horizon=self.spec.output_shift + step,
            target=self.target,
            alpha=1 - level,
        )
        values, width = values[known.wanted], width[known.wanted]
        return values, values - width, values + width

    def _means(self, prices: Prices, table: InputTable, rows: Rows) -> list[Floats]:
        """Of each step (n,), the networks' mean forecast."""
        return apart(self.forecast_rows(prices, table, rows).mean(axis=0), self.spec.steps)

    def outside(self, table: InputTable) -> list[dict[str, Any]]:
        """Inputs of the newest forecast that lie outside what training saw, the farthest first.

        Keys: input, value (the farthest of its window), low, high (of the training rows).
        """
        if self.seen is None:
            return []
        found = []
        columns, values = table.columns(self.spec.inputs), table.extended
        for place, (name, shift) in enumerate(
            zip(self.spec.inputs, self.spec.input_shifts, strict=True)
        ):
            last = len(table.values) - shift + self.spec.leads[place]
            window = values[max(last - self.spec.window, 0) : last, columns[place]]
            low, high = map(float, self.seen[:, place])
            excess = np.maximum(window - high, low - window)
            value = float(window[int(np.argmax(excess))])
            if excess.max() > 0:
                far = float(excess.max()) / ((high - low) or 1.0)
                found.append((far, {"input": name, "value": value, "low": low, "high": high}))
        return [fact for _, fact in sorted(found, key=lambda one: -one[0])]

    def notes(self, prices: Prices) -> list[str]:
        """What is odd about forecasting from these prices, compared with the history."""
        return [
            *self.history.notes(prices, unit_matters=self.target.in_prices),
            *self._new_words(prices),
        ]

    def _new_words(self, prices: Prices) -> Iterator[str]:
        """Words that a column in use has had since the champion was trained, and never before."""
        inputs = [(prices, name, name) for name in prices.words]
        for series, join in zip(prices.joined, self.spec.data["join"], strict=False):
            inputs += [(series, name, join["prefix"] + name) for name in series.words]
        used = {series.words[name][0] for series, name, called in inputs if called in self._inputs}
        for series, name, _ in inputs:
            column, word = series.words[name]
            rows = np.flatnonzero(series.frame[name].to_numpy() == 1)
            since = series.dates[rows[0]]
            if column in used and since > self.history.dates[-1]:
                yield (
                    f"{series.name}: {column} is {word!r} in {len(rows)} rows since "
                    f"{since:%Y-%m-%d}, a word that no training row has; every input "
                    "of the column is 0 there"
                )

    @property
    def _inputs(self) -> frozenset[str]:
        return frozenset(self.spec.inputs)

    @property
    def target(self) -> Target:
        return targets.get(self.spec.predict)

    @property
    def target_scales(self) -> tuple[TargetScale, ...]:
        """Of each step."""
        return (self.target_scale, *self.spec.later_scales)

    @property
    def target_scale(self) -> TargetScale:
        """Of the first step."""
        spec = self.spec
        return TargetScale(
            spec.target_mean,
            spec.target_scale,
            spec.target_start,
            spec.target_relative,
            spec.target_least,
        )

    def data_section(self, path: Path) -> DataSection:
        """How to read the prices in `path` for this forecaster."""
        return data_section(self.spec, path)

    def table(self, prices: Prices) -> InputTable:
        """The inputs that these prices give. Raises DataError where one of the network's lacks."""
        return table_of(self.spec, self.code, prices)

    def _in_user_terms(
        self, prices: Prices, table: InputTable, rows: Rows, level: float
    ) -> list[pd.DataFrame]:
        """Of each step; the networks run once for all."""
        if self.target.chance:
            name = self.target.columns[0]
            return [pd.DataFrame({name: one}) for one in self._means(prices, table, rows)]
        known = self._known(prices, table, rows)
        fan = self._quantiles(prices, table, rows)
        return [
            self._told(prices.close[rows], self._interval(prices, known, level, step), fan)
            for step in range(self.spec.steps)
        ]

    def _told(
        self, origin: Floats, bands: tuple[Floats, Floats, Floats], fan: Mapping[str, Floats]
    ) -> pd.DataFrame:
        names = self.target.columns
        said = {
            name: self.target.told(values, origin)
            for name, values in zip(names[-3:], bands, strict=True)
        }
        said |= fan
        if not self.target.priced:
            return pd.DataFrame(said)
        # Of prices that are not above 0 a relative change says nothing, not even which way.
        forecast = said[names[-3]]
        priced = (origin > 0) & (forecast > 0)
        change = np.divide(forecast, origin, out=np.full(len(origin), np.nan), where=priced)
        return pd.DataFrame({names[0]: change - 1, **said})

    def _quantiles(self, prices: Prices, table: InputTable, rows: Rows) -> dict[str, Floats]:
        """As people read them, by column; empty of a forecaster of points.

        Of each network they rise with the level, and so do their means.
        """
        if not self.spec.quantiles:
            return {}
        fan = self.said(table, self.quotes(prices), rows).mean(axis=0)
        return {
            name: self.target.told(values, prices.close[rows])
            for name, values in zip(self.spec.quantile_columns, fan.T, strict=True)
        }

    # --- on disk

    def save(self, folder: Path) -> None:
        """Write the folder; each file is complete or absent, the JSON last. Raises StorageError."""
        tensors = {
            "scaler.scale": torch.tensor(self.scaler.scale),
            "scaler.offset": torch.tensor(self.scaler.offset),
            "history.dates": torch.tensor(self.history.dates.view("i8")),
            "history.target": torch.tensor(self.history.target),
            "validation.errors": torch.tensor(self.errors),
            "validation.scales": torch.tensor(self.scales),
        }
        if self.seen is not None:
            tensors["inputs.seen"] = torch.tensor(self.seen)
        for number, network in enumerate(self.networks):
            for name, weights in network.state_dict().items():
                tensors[f"network.{number}.{name}"] = weights.detach().cpu().contiguous().clone()
        write(folder, self.spec, self.code, tensors)

    @classmethod
    def load(cls, folder: Path, device: str | torch.device = "cpu") -> Self:
        """Read a folder that `save` wrote. Raises StorageError where it is not one, or damaged."""
        try:
            spec, tensors, as_written = read(folder)
            scaler = Scaler(tensors["scaler.scale"].numpy(), tensors["scaler.offset"].numpy())
            sizes = {len(spec.inputs), len(spec.input_shifts), len(scaler.scale)}
            if len(sizes) > 1 or len(scaler.offset) != len(scaler.scale) or not spec.seeds:
                raise ValueError("the scaler, the shifts and the inputs do not go together")
            history = History(
                tensors["history.dates"].numpy().view("datetime64[us]"),
                tensors["history.target"].numpy(),
            )
            errors = tensors["validation.errors"].numpy()
            if "validation.scales" in tensors:
                scales = tensors["validation.scales"].numpy()
            else:
                scales = scales_of_validation(
                    history.target, len(errors), spec.output_shift, targets.get(spec.predict)
                )
            if len(scales) != len(errors) or errors.size != len(errors) * spec.steps:
                raise ValueError("the validation errors and their scales do not go together")
            code = kept_code.read(folder, spec.code)
            forecaster = cls(
                spec=spec,
                networks=tuple(
                    network_of(spec, code, tensors, number, torch.device(device))
                    for number in range(len(spec.seeds))
                ),
                scaler=scaler,
                history=history,
                errors=errors,
                scales=scales,
                seen=tensors["inputs.seen"].numpy() if "inputs.seen" in tensors else None,
                code=code,
            )
            if not as_written:  # last: what does not fit says more
                raise ValueError(ALTERED)
            return forecaster
        except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
            raise damaged(folder, error) from None


@dataclass(frozen=True, eq=False)
class _Known:
    """What is forecast from origins and, as intervals learn from it, since the training ended.

    rows    (n,) increasing
    wanted  the places of the origins among them
    since   how many of the last rows are since the training ended
    means   of each step (n,), the networks' mean forecast
    """

    rows: Rows
    wanted: Rows
    since: int
    means: list[Floats]


_AS_IT_IS = np.float32(1), np.float32(0)
"""Scale and offset of what is not scaled."""
