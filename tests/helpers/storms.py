"""Invented prices with storms and calms, for tests of volatility."""

from pathlib import Path

import numpy as np
import pandas as pd


def stormy(rows: int = 500, seed: int = 7, steps: int = 40) -> pd.DataFrame:
    """Open, High, Low, Close of a walk whose log volatility is slow, by `Date`."""
    rng = np.random.default_rng(seed)
    level = np.zeros(rows)
    for row in range(1, rows):
        level[row] = 0.97 * level[row - 1] + 0.2 * rng.normal()
    sigma = 0.01 * np.exp(level)
    within = rng.normal(size=(rows, steps)) * sigma[:, None] / np.sqrt(steps)
    gap = 0.3 * sigma * rng.normal(size=rows)
    path = np.cumsum(np.concatenate([gap[:, None], within], axis=1).ravel()).reshape(rows, -1)
    log = np.log(100) + path
    return pd.DataFrame(
        {
            "Open": np.exp(log[:, 0]),
            "High": np.exp(log.max(axis=1)),
            "Low": np.exp(log.min(axis=1)),
            "Close": np.exp(log[:, -1]),
        },
        index=pd.bdate_range("2015-01-01", periods=rows, name="Date"),
    )


def write_stormy(path: Path, rows: int = 500, seed: int = 7) -> Path:
    stormy(rows, seed).to_csv(path)
    return path
