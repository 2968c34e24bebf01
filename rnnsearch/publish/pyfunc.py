"""A forecaster as MLflow serves it: rows of raw prices in, dated forecasts out.

MLflow loads it by module name (`loader_module`), so nothing is pickled.
"""

from pathlib import Path
from typing import Any

import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE

from rnnsearch.data.files.dispatch import RawTable
from rnnsearch.data.prices.load import Prices, check_table, with_joined
from rnnsearch.errors import DataError, RnnsearchError, shown
from rnnsearch.model.forecasting.forecaster import Forecaster
from rnnsearch.model.forecasting.pooled import SERIES, PooledForecaster
from rnnsearch.shown import day


class ServedForecaster:
    """What `mlflow.pyfunc.load_model` returns the predictions of."""

    def __init__(self, forecaster: Forecaster) -> None:
        self.forecaster = forecaster

    def predict(self, frame: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """The forecasts of `Forecaster.forecast`, dates as text and gaps as None, for JSON.

        `params`: `origins`, how many of the last sessions to forecast from (0: those without a
        target yet); `level` of the interval. Series that the champion's inputs join are read from
        where they were.

        Raises MlflowException, the only error whose text MLflow's server passes on, where reading
        a price file would raise DataError.
        """
        try:
            return self._predict(frame, params or {})
        except RnnsearchError as error:
            raise MlflowException(str(error), error_code=INVALID_PARAMETER_VALUE) from None

    def _predict(self, frame: pd.DataFrame, params: dict[str, Any]) -> pd.DataFrame:
        origins, level = params.get("origins", 0), params.get("level", 0.9)
        if not 0 < level < 1:
            raise DataError(f"params: level must lie between 0 and 1, got {level:g}")
        if not isinstance(frame, pd.DataFrame):
            raise DataError(
                "request: prices are a table with a date column; send them as dataframe_split or "
                "dataframe_records"
            )
        forecasts = self._forecasts(frame, origins or None, level)
        for column in ("origin_date", "target_date"):
            forecasts[column] = [None if pd.isna(d) else day(d) for d in forecasts[column]]
        return forecasts.astype(object).where(forecasts.notna(), None)

    def _forecasts(self, frame: pd.DataFrame, origins: int | None, level: float) -> pd.DataFrame:
        prices = self._prices("request", frame)
        return self.forecaster.forecast(prices, origins=origins, level=level)

    def _prices(self, name: str, frame: pd.DataFrame) -> Prices:
        section = self.forecaster.data_section(Path(name))
        return with_joined(check_table(name, RawTable(frame), section), section)


class ServedPool(ServedForecaster):
    """One network of many series: the column `series` says whose row each is.

    The forecasts have it too, and `seen`, whether the network was trained with that series.
    """

    def __init__(self, pool: PooledForecaster) -> None:
        super().__init__(pool.lead)
        self.pool = pool

    def _forecasts(self, frame: pd.DataFrame, origins: int | None, level: float) -> pd.DataFrame:
        if OF not in frame or frame[OF].isna().any():
            some = ", ".join(list(self.pool.series)[:3])
            raise DataError(
                f"request: one network forecasts many series, so a column {OF} has to name that of "
                f"each row, as the files were called ({some} ...); add it"
            )
        if not len(frame):
            raise DataError("request: has no rows; send the prices of a series or more")
        found = []
        for name, rows in frame.groupby(frame[OF].astype(str), sort=False):
            own = rows.drop(columns=OF).dropna(axis=1, how="all").reset_index(drop=True)
            prices = self._prices(f"request, series {shown(name)}", own)
            table = self.pool.lead.table(prices)
            one = self.pool.of_prices(str(name), prices, table, origins)
            said = one.forecast(prices, origins=origins, level=level, table=table)
            said.insert(0, OF, str(name))
            said.insert(1, SEEN, name in self.pool.series)
            found.append(said)
        return pd.concat(found, ignore_index=True)


OF, SEEN = "series", "seen"
"""Columns of a pool's forecasts; the first is one of the request, too."""


def _load_pyfunc(path: str) -> ServedForecaster:
    """MLflow's hook: `path` is the forecaster's folder."""
    if (Path(path) / SERIES).exists():
        return ServedPool(PooledForecaster.load(Path(path)))
    return ServedForecaster(Forecaster.load(Path(path)))
