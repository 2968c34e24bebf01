"""A forecaster as MLflow serves it: rows of raw prices in, dated forecasts out.

MLflow loads it by module name (`loader_module`), so nothing is pickled.
"""

from pathlib import Path
from typing import Any

import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE

from rnnsearch.data.files.dispatch import RawTable
from rnnsearch.data.prices.load import check_table, with_joined
from rnnsearch.errors import DataError, RnnsearchError
from rnnsearch.model.forecasting.forecaster import Forecaster
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
        section = self.forecaster.data_section(Path("request"))
        prices = with_joined(check_table("request", RawTable(frame), section), section)
        forecasts = self.forecaster.forecast(prices, origins=origins or None, level=level)
        for column in ("origin_date", "target_date"):
            forecasts[column] = [None if pd.isna(d) else day(d) for d in forecasts[column]]
        return forecasts.astype(object).where(forecasts.notna(), None)


def _load_pyfunc(path: str) -> ServedForecaster:
    """MLflow's hook: `path` is the forecaster's folder."""
    return ServedForecaster(Forecaster.load(Path(path)))
