"""A study whose forecasts were recorded on seven days."""

from pathlib import Path

import pytest

from tests.helpers.evaluated import Evaluated, copy_study
from tests.helpers.recorded import Days, with_calendar

FIRST, LAST = 290, 296
"""Rows of the days on which forecasts are recorded."""


@pytest.fixture(scope="session")
def week_once(tmp_path_factory: pytest.TempPathFactory, evaluated_once: Evaluated) -> Evaluated:
    """Not to be changed: see `week`."""
    with pytest.MonkeyPatch.context() as patch:
        study = copy_study(evaluated_once, tmp_path_factory.mktemp("week"), patch)
        days = Days(with_calendar(study), patch)
        for row in range(FIRST, LAST + 1):
            days.record(row)
        days.end(299)
    return study


@pytest.fixture
def week(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, week_once: Evaluated) -> Days:
    """A copy of the study; its file ends three days after the last forecast."""
    days = Days(copy_study(week_once, tmp_path, monkeypatch), monkeypatch)
    days.end(299)
    return days


@pytest.fixture
def days(evaluated: Evaluated, monkeypatch: pytest.MonkeyPatch) -> Days:
    """The study before any forecast was recorded."""
    return Days(with_calendar(evaluated), monkeypatch)
