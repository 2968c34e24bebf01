"""Price files made up for tests of what their values mean."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from rnnsearch.config import DataSection
from rnnsearch.data.prices.load import Prices, read_prices


def bars(rows: int = 300, seed: int = 3, start: str = "2020-01-01") -> pd.DataFrame:
    """Daily Open, High, Low, Close with two decimals, and Volume, by `Date`."""
    rng = np.random.default_rng(seed)
    close = 80 * np.exp(np.cumsum(rng.normal(0, 0.01, rows)))
    first = close * np.exp(rng.normal(0, 0.003, rows))
    frame = pd.DataFrame(
        {
            "Open": first,
            "High": np.maximum(first, close) * 1.003,
            "Low": np.minimum(first, close) * 0.997,
            "Close": close,
        },
        index=pd.bdate_range(start, periods=rows, name="Date"),
    )
    return frame.round(2).assign(Volume=rng.integers(1_000, 9_000, rows).astype(float))


def read(folder: Path, frame: pd.DataFrame, name: str = "prices.csv", **data: Any) -> Prices:
    """A frame, written as CSV and read as `[data]` says."""
    frame.to_csv(folder / name)
    return read_prices(DataSection(path=folder / name, **data))


def told(prices: Prices) -> str:
    return "\n".join(prices.warnings)
