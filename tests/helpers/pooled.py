"""Made-up series that share a signal, for studies of one network for all."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tests.helpers.searches import write_study

R2 = 0.1
ROWS = 330


def series(number: int, rows: int = ROWS, start: str = "2020-01-01") -> pd.DataFrame:
    """A close, whose next return `signal` tells a little of, and a column of noise."""
    rng = np.random.default_rng([7, number])
    signal, noise = rng.normal(size=(2, rows))
    told = np.concatenate([[0.0], signal[:-1]])
    moves = 0.01 * (1 + number) * (np.sqrt(R2) * told + np.sqrt(1 - R2) * rng.normal(size=rows))
    dates = pd.bdate_range(start, periods=rows, name="Date")
    frame = {"Close": 100 * np.exp(np.cumsum(moves)), "signal": signal, "noise": noise}
    return pd.DataFrame(frame, index=dates).round(6)


def write_panel(folder: Path, count: int = 4) -> None:
    """Files P0.csv, P1.csv ...; the second begins later, the third ends earlier."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        frame = series(number)
        frame = frame[60:] if number == 1 else frame[:-40] if number == 2 else frame
        frame.to_csv(folder / f"P{number}.csv")


def write_pooled(folder: Path, name: str = "pooled", count: int = 4, **changes: Any) -> Path:
    """A study file of one network for `count` series."""
    write_panel(folder / "panel", count)
    data = {"path": "panel/*.csv", "pool": True} | changes.pop("data", {})
    study = {"trials": 3} | changes.pop("study", {})
    inputs = {"search": "all"} | changes.pop("inputs", {})
    return write_study(folder, name, data=data, study=study, inputs=inputs, **changes)
