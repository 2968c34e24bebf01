"""A forecaster as MLflow serves it: rows of raw prices in, dated forecasts out.

MLflow loads it by module name (`loader_module`), so nothing is pickled.
"""

from pathlib import Path
from typing import Any

import pandas as pd

from rnnsearch.data.prices import check_table
from rnnsearch.model.forecaster import Forecaster


class ServedForecaster:
    """What `mlflow.pyfunc.load_model` returns the predictions of."""

    def __init__(self, forecaster: Forecaster) -> None:
        self.forecaster = forecaster

    def predict(self, frame: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """The forecasts of `Forecaster.forecast`, dates as text, for JSON.

        `params`: `origins`, how many of the last sessions to forecast from; `level` of the
        interval. Raises DataError as reading a price file does.
        """
        params = params or {}
        section = self.forecaster.data_section(Path("request"))
        forecasts = self.forecaster.forecast(
            check_table("request", frame, section),
            origins=params.get("origins") or None,
            level=params.get("level") or 0.9,
        )
        for column in ("origin_date", "target_date"):
            forecasts[column] = pd.to_datetime(forecasts[column]).dt.strftime("%Y-%m-%d").fillna("")
        return forecasts


def _load_pyfunc(path: str) -> ServedForecaster:
    """MLflow's hook: `path` is the forecaster's folder."""
    return ServedForecaster(Forecaster.load(Path(path)))
