"""How prices become the rows of a forecaster: its table, the first origin, the dates."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from rnnsearch.arrays import Rows
from rnnsearch.config import DataSection, InputsSection, StudyFile
from rnnsearch.data.inputs.build import InputTable, build_inputs
from rnnsearch.data.markets.calendars import coming_sessions
from rnnsearch.data.prices.load import Prices, with_words
from rnnsearch.errors import DataError
from rnnsearch.model.forecasting.spec import ForecasterSpec
from rnnsearch.own_code import OwnCode


def data_section(spec: ForecasterSpec, path: Path) -> DataSection:
    """How to read the prices in `path`."""
    return DataSection.model_validate(spec.data | {"path": path, "sample": None})


def table_of(spec: ForecasterSpec, code: Mapping[str, OwnCode], prices: Prices) -> InputTable:
    """The inputs that these prices give. Raises DataError where one of the network's lacks."""
    spec.check_measured(prices)
    data = data_section(spec, Path("prices"))
    joined = [
        with_words(series, spec.inputs, join.prefix)
        for series, join in zip(prices.joined, data.join, strict=False)
    ]
    prices = replace(with_words(prices, spec.inputs), joined=tuple(joined))
    module = None if spec.module is None else Path(spec.module)
    inputs = InputsSection(indicators=spec.indicators or "none", module=module)
    study = StudyFile(data=data, inputs=inputs).with_code(code)
    table = build_inputs(prices, study, None, own=spec.inputs)
    absent = [name for name in spec.inputs if name not in table.names]
    if absent:
        raise DataError(
            f"{prices.name}: the champion needs the input {absent[0]!r}, which cannot be made "
            f"of the columns {', '.join(prices.frame.columns)}; give all columns that the "
            "study was searched with"
        )
    return table


def first_origin(spec: ForecasterSpec, table: InputTable) -> int:
    """The first row whose window is full."""
    return table.warmup + spec.window + max(spec.input_shifts) - 1


def check_known_ahead(spec: ForecasterSpec, prices: Prices, table: InputTable, rows: Rows) -> None:
    """Every window that ends at a target is full, also those that end past the last price."""
    last = int(rows[-1]) + spec.output_shift
    for name in spec.known_ahead:
        values = table.extended[: last + 1, table.columns([name])[0]]
        past = values[len(table.values) :]
        if len(values) == last + 1 and np.isfinite(past).all():
            continue
        day = f"{prices.dates[-1]:%Y-%m-%d}"
        lacks = f"the file has {len(past)}" if len(past) else "the file has none"
        if (gaps := np.flatnonzero(~np.isfinite(past))).size:
            lacks = f"the row of {prices.coming_dates[gaps[0]]:%Y-%m-%d} has no value"
        needed = last + 1 - len(table.values)
        raise DataError(
            f"{prices.name}: a forecast needs {name}, which is known ahead, up to the target's "
            f"date, in {needed} row{'s' * (needed > 1)} past the last price of {day}, but "
            f"{lacks}; add a row with date and {name} for each session to come, and leave its "
            "prices empty"
        )


def dates_of(spec: ForecasterSpec, prices: Prices) -> list[pd.Timestamp | None]:
    """Of the rows, and of the sessions that targets past them lie on."""
    count = spec.output_shift + spec.steps - 1
    dates: list[pd.Timestamp | None] = [*prices.dates]
    dates += coming_sessions(prices.name, spec.calendar, prices.dates, prices.coming_dates, count)
    return dates
