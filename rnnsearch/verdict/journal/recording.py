"""Forecasts written down when they are made, so that nobody can choose among them afterwards."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import numpy as np
import pandas as pd

from rnnsearch.arrays import Floats, Rows
from rnnsearch.config import DataSection
from rnnsearch.data.inputs.table import InputTable
from rnnsearch.data.markets.calendars import close_instants, market_zone, session_close
from rnnsearch.data.prices.load import Prices
from rnnsearch.errors import RnnsearchError
from rnnsearch.model.forecasting.bands import Moves
from rnnsearch.model.forecasting.forecaster import Forecaster
from rnnsearch.search.store.entries import Entry, Said
from rnnsearch.shown import day
from rnnsearch.targets import Quotes

KNOWN_THEN = "its outcome was in the file"
TRAINED_ON = "its outcome trained the weights"
TRAINED_SINCE = "its weights were trained on sessions after its origin"
TOO_LATE = "it was made after its target's date"


def now() -> datetime:
    """When a forecast is made."""
    return datetime.now(UTC)


def written_down(
    forecaster: Forecaster,
    prices: Prices,
    table: InputTable,
    frame: pd.DataFrame,
    level: float,
    market: DataSection,
) -> list[Entry]:
    """The forecasts of `Forecaster.forecast` as the journal keeps them, in the target's unit.

    `market` says when the sessions close. Those whose value is no finite number are left out.
    """
    spec, target, made = forecaster.spec, forecaster.target, now()
    h, rows = spec.output_shift, np.flatnonzero(prices.dates.isin(frame["origin_date"]))
    low = high = np.full(len(rows), np.nan)
    if not target.chance:
        values, low, high = forecaster.intervals(prices, table, rows, level)
    else:
        values = forecaster.forecast_rows(prices, table, rows).mean(axis=0)
    usual = _usual(forecaster, prices, rows)
    naive = doing_nothing(forecaster, prices, rows)
    trained = pd.Timestamp(forecaster.history.dates[-1])
    entries = []
    for place, (row, date) in enumerate(zip(rows.tolist(), frame["target_date"], strict=True)):
        date = None if pd.isna(date) else pd.Timestamp(date)
        beside = {name: [float(one[place]) for one in known] for name, known in naive.items()}
        said = [values[place], prices.close[row], *(v for known in beside.values() for v in known)]
        if not np.isfinite(said).all():
            continue
        held = bool(np.isfinite([low[place], high[place]]).all())
        entries.append(
            Entry(
                version=spec.identity,
                origin=day(prices.dates[row]),
                ahead=h,
                said=Said(
                    made=made.isoformat(timespec="seconds"),
                    late=KNOWN_THEN
                    if row + h < len(prices.dates)
                    else lateness(date, made, trained, market)
                    or (TRAINED_SINCE if trained > prices.dates[row] else ""),
                    champion=spec.refit_of or spec.identity,
                    trial=spec.trial,
                    trained_last=day(trained),
                    target=None if date is None else day(date),
                    data=prices.hash,
                    predict=spec.predict,
                    level=level,
                    start=float(prices.close[row]),
                    forecast=float(values[place]),
                    low=float(low[place]) if held else None,
                    high=float(high[place]) if held else None,
                    usual=float(usual[place]),
                    naive=beside,
                ),
            )
        )
    return entries


def _usual(forecaster: Forecaster, prices: Prices, rows: Rows) -> Floats:
    """(n,) the usual move over one session, known at each row.

    Of what says nothing about the price: its standard deviation on the rows that trained the
    weights.
    """
    target, history, h = forecaster.target, forecaster.history.target, forecaster.spec.output_shift
    if target.priced:
        return Moves.fit(history, target).at(prices.close)[rows]
    trained = np.arange(h, len(history), dtype=np.int64)[-forecaster.spec.trained_rows :]
    return np.full(len(rows), float(target.values(history, trained, h).std()) or 1.0)


def lateness(
    target: pd.Timestamp | None, made: datetime, trained: pd.Timestamp, market: DataSection
) -> str:
    """Why a forecast of a target's date, made then, does not count; "" where it does.

    `trained` is the date of the last row that trained the weights. An unknown date is not late: it
    is asked again once the date is known.
    """
    if target is None:
        return ""
    if target <= trained:
        return TRAINED_ON
    return TOO_LATE if made > known_from(target, market) else ""


def known_from(target: pd.Timestamp, market: DataSection) -> datetime:
    """The instant from which the outcome of a target's date may be known.

    It is when the market closes, where the study says it; else when the date is over there, or on
    this machine's clock where no zone is named. A time of day is itself the close.
    """
    try:
        if market.calendar is not None and target == target.normalize():
            close = session_close(market.calendar, target)
            if close is not None:
                return close.tz_convert(UTC).to_pydatetime()
        else:
            date = pd.DatetimeIndex([target])
            instants, _ = close_instants("[data]", "target", date, market, late=True)
            return pd.Timestamp(instants[0]).tz_localize(UTC).to_pydatetime()
    except RnnsearchError:  # nothing says it, or the calendar does not reach so far
        pass
    over = target if target != target.normalize() else target + pd.Timedelta(days=1)
    try:
        zone = market_zone(market)
    except RnnsearchError:
        zone = None
    if zone is None:
        return over.to_pydatetime().astimezone(UTC)  # a naive time is this machine's
    local = over.tz_localize(zone, ambiguous=False, nonexistent="shift_forward")
    return local.tz_convert(UTC).to_pydatetime()


def doing_nothing(
    forecaster: Forecaster, prices: Prices, origins: Rows
) -> Mapping[str, Sequence[Floats]]:
    """The naive forecasts from these origins by name, each with its variants (n,).

    What is averaged is averaged over the rows that trained the weights: no later row is known to
    the one and not to the other.
    """
    spec, h = forecaster.spec, forecaster.spec.output_shift
    quotes, dates = prices.quotes, prices.dates.to_numpy("datetime64[us]")
    history = forecaster.history
    train = np.arange(h, len(history.dates))[-spec.trained_rows :]
    if quotes.close is not None:
        # The other price's past is in the file alone.
        among = np.flatnonzero(np.isin(dates, history.dates[train]))
        if len(among := among[among >= h]):
            return forecaster.target.naive(quotes, origins + h, h, among)
    both = Quotes(np.concatenate([history.target, prices.close]))
    return forecaster.target.naive(both, origins + h + len(history.target), h, train)
