"""Forecasts that are recorded day by day, from a file that grows."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pytest

from rnnsearch.config import load_study
from rnnsearch.search.store.entries import Entry, Said
from rnnsearch.verdict.journal import recording
from rnnsearch.verdict.prediction import predict
from tests.helpers.evaluated import Evaluated


def set_clock(monkeypatch: pytest.MonkeyPatch, moment: datetime | str) -> None:
    """When forecasts are made from now on; a text is a moment in UTC."""
    if isinstance(moment, str):
        moment = datetime.fromisoformat(moment).replace(tzinfo=UTC)
    monkeypatch.setattr(recording, "now", lambda: moment)


class Days:
    """A study whose file of prices ends on one day after another."""

    def __init__(self, study: Evaluated, monkeypatch: pytest.MonkeyPatch, more: int = 0) -> None:
        """`more`: sessions that come after those of the file."""
        path = load_study(study.path).data.path
        assert path is not None
        self.study, self._monkeypatch, self._path = study, monkeypatch, path
        self.frame = longer(pd.read_csv(path), more)

    def end(self, row: int) -> datetime:
        """Let the file end with a row, and the clock be at 22:00 UTC of its day; that moment."""
        self.frame[: row + 1].to_csv(self._path, index=False)
        evening = pd.Timestamp(self.frame["Date"][row]).to_pydatetime().replace(tzinfo=UTC)
        evening += timedelta(hours=22)
        set_clock(self._monkeypatch, evening)
        return evening

    def record(self, row: int, **settings: Any) -> dict[str, Any]:
        """What `predict --record` says on the evening of a row."""
        self.end(row)
        return predict(self.study.study, record=True, **settings)


def with_calendar(study: Evaluated) -> Evaluated:
    """Name the calendar of its dates, which has no holidays, in the study file."""
    text = study.path.read_text(encoding="utf-8")
    if "24/5" not in text:
        study.path.write_text(text.replace("[data]\n", '[data]\ncalendar = "24/5"\n'), "utf-8")
    return study


def longer(frame: pd.DataFrame, more: int) -> pd.DataFrame:
    """A frame of prices, and further sessions that repeat its last ones' moves."""
    if not more:
        return frame
    last = pd.Timestamp(str(frame["Date"].iloc[-1]))
    later = frame[-more:].copy()
    later["Date"] = pd.bdate_range(last, periods=more + 1)[1:].strftime("%Y-%m-%d")
    return pd.concat([frame, later], ignore_index=True)


def made(origin: str, forecast: float, *, made: str, version: str = "a", **changes: Any) -> Entry:
    """An entry of the journal, one session ahead."""
    said: dict[str, Any] = {
        "made": made,
        "late": "",
        "champion": "a",
        "trial": 1,
        "trained_last": "2023-08-01",
        "target": None,
        "data": "",
        "predict": "log_return",
        "level": 0.9,
        "start": 100.0,
        "forecast": forecast,
        "low": None,
        "high": None,
        "usual": 0.01,
        "naive": {"no_change": [0.0], "average": [0.001]},
    }
    return Entry(version=version, origin=origin, ahead=1, said=Said(**(said | changes)))
