"""7: the table of 86 inputs (indicators and relative changes), computed and from the cache.

A made-up market with prices and volume. Computing is measured in seconds of the processor, which
other programs disturb less; the time per row of the longest file against that of the one before it
says whether the time grows with the rows alone. From the cache: seconds until the table is open,
its prices being read already.
"""

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from rnnsearch.config import load_study
from rnnsearch.data.inputs.build import build_inputs
from rnnsearch.data.prices.load import read_prices
from tests.bench.measuring import Figure, figure, own_home, ratios

ROWS = (2_500, 25_000, 250_000)


def measure(quick: bool, repeats: int | None) -> Iterator[Figure]:
    sizes = ROWS[:2] if quick else ROWS
    computing: dict[int, list[float]] = {rows: [] for rows in sizes}
    cached: dict[int, list[float]] = {rows: [] for rows in sizes}
    with own_home() as folder:
        for rows in sizes:
            path = _study(folder, rows)
            prices = read_prices(load_study(path).data)
            for repeat in range(repeats or (1 if quick else 3)):
                cache = folder / f"cache-{rows}-{repeat}"
                if rows == sizes[0] and not repeat:  # imports
                    build_inputs(prices, load_study(path), None)
                began = time.process_time()
                table = build_inputs(prices, load_study(path), cache)
                computing[rows].append(time.process_time() - began)
                began = time.perf_counter()
                build_inputs(prices, load_study(path), cache)
                cached[rows].append(time.perf_counter() - began)
    inputs = len(table.names)
    for rows in sizes:
        yield figure(7, f"{rows:,} rows × {inputs}: computed", computing[rows], "s")
        yield figure(7, f"{rows:,} rows × {inputs}: cached", cached[rows], "s", at_most=0.1)
    per_row = [[seconds / rows for seconds in computing[rows]] for rows in sizes[-2:]]
    yield figure(
        7,
        f"seconds per row, {sizes[-1]:,} rows / {sizes[-2]:,}",
        ratios(per_row[1], per_row[0]),
        at_most=1.2,
    )


def _study(folder: Path, rows: int) -> Path:
    """Bars around a price that stays in its range however long the file is."""
    rng = np.random.default_rng(rows)
    close = 100 * np.exp(np.sin(np.arange(rows) / 250) / 2 + rng.normal(0, 0.01, rows))
    reach = np.abs(rng.normal(0, 0.005, (2, rows)))
    frame = pd.DataFrame(
        {
            "Date": pd.date_range("2000-01-03", periods=rows, freq="h"),
            "Open": close,
            "High": close * (1 + reach[0]),
            "Low": close * (1 - reach[1]),
            "Close": close,
            "Volume": rng.uniform(1e5, 1e6, rows),
        }
    )
    frame.to_csv(folder / f"prices-{rows}.csv", index=False)
    path = folder / f"study-{rows}.toml"
    path.write_text(f'[data]\npath = "prices-{rows}.csv"\n', encoding="utf-8")
    return path
