"""Price files made up for tests of columns that are known before their date."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tests.helpers.searches import write_study

EFFECT = 0.02
NOISE = 0.008
MOST = 600


def planted(rows: int = 400, coming: int = 0, seed: int = 1) -> pd.DataFrame:
    """Bars by `Date`; an event moves the close on its own day. Then `coming` rows without a price.

    More rows have the same first ones.

    Columns: Open, High, Low, Close, Volume, breadth (which tells nothing) and event (-1, 0 or 1).
    """
    rng = np.random.default_rng(seed)
    event = rng.choice([-1, 0, 1], MOST, p=[0.2, 0.6, 0.2])
    move = EFFECT * event + rng.normal(0, NOISE, MOST)
    close = 80 * np.exp(np.cumsum(move))
    first = close * np.exp(rng.normal(0, 0.003, MOST))
    frame = pd.DataFrame(
        {
            "Open": first,
            "High": np.maximum(first, close) * 1.003,
            "Low": np.minimum(first, close) * 0.997,
            "Close": close,
        },
        index=pd.bdate_range("2020-01-01", periods=MOST, name="Date"),
    ).round(4)
    frame["Volume"] = rng.integers(1_000, 9_000, MOST).astype(float)
    frame["breadth"] = rng.normal(size=MOST).round(3)
    frame.iloc[rows:] = np.nan
    return frame.assign(event=event).iloc[: rows + coming]


def write_planted(folder: Path, frame: pd.DataFrame, **changes: Any) -> Path:
    """A study of the frame with its event known ahead."""
    folder.mkdir(parents=True, exist_ok=True)
    frame.to_csv(folder / "planted.csv")
    data = {"path": "planted.csv", "known_ahead": ["event"]} | changes.pop("data", {})
    return write_study(folder, changes.pop("name", "planted"), data=data, **changes)
