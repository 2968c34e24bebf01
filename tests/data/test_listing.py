"""Many series: files of a pattern, or all of one file, each read as its own file would be."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from rnnsearch.config import DataSection
from rnnsearch.data.listing import list_series
from rnnsearch.data.prices.load import Prices, read_prices
from rnnsearch.errors import DataError
from tests.helpers.many import FORMS, walks, write_files, write_together


def read(data: dict[str, Any]) -> dict[str, Prices]:
    section = DataSection(**data)
    return {
        one.name: read_prices(section.model_copy(update={"path": one.path, "series": one.series}))
        for one in list_series(section)
    }


def names(**data: Any) -> list[str]:
    return [one.name for one in list_series(DataSection(**data))]


@pytest.mark.parametrize("form", FORMS)
def test_each_series_is_read_as_its_own_file_would_be(tmp_path: Path, form: str) -> None:
    series = walks(3)
    series["T1"] = series["T1"].drop(series["T1"].index[60])  # a holiday of its own
    write_files(tmp_path / "alone", series)
    found = read(write_together(tmp_path, form, series))
    assert list(found) == ["T0", "T1", "T2"]
    for name, prices in found.items():
        alone = read_prices(DataSection(path=tmp_path / "alone" / f"{name}.csv"))
        assert prices.hash == alone.hash


@pytest.mark.parametrize("form", FORMS)
def test_what_happens_to_one_series_changes_no_other(tmp_path: Path, form: str) -> None:
    series = walks(3)
    before = {
        name: prices.hash
        for name, prices in read(write_together(tmp_path / "before", form, series)).items()
    }
    changed = series["T1"].copy()
    changed.iloc[120:] = changed.iloc[120:] * np.linspace(1, 3, len(changed) - 120)
    later = pd.concat(
        [changed, changed.iloc[-1:].set_axis(changed.index[-1:] + pd.Timedelta("1D"))]
    )
    later.index.name = "Date"
    after = read(write_together(tmp_path / "after", form, series | {"T1": later}))
    assert [name for name in before if after[name].hash != before[name]] == ["T1"]


@pytest.mark.parametrize("form", FORMS[1:])
def test_a_list_names_some_as_the_file_has_them(tmp_path: Path, form: str) -> None:
    data = write_together(tmp_path, form, walks(4))
    wanted = ("T3", "T1") if form == "sheets" else ("T3", "t1")
    assert names(**data | {"series": wanted}) == ["T3", "T1"]
    assert names(**data | {"series": ("T3",)}) == []


def test_names_of_two_columns_narrow_one_series_down_as_before(tmp_path: Path) -> None:
    rows = [
        prices.to_frame().assign(Ticker=name, Interval=interval)
        for name, prices in walks(2).items()
        for interval in ("1d", "1w")
    ]
    path = tmp_path / "both.csv"
    pd.concat(rows).to_csv(path)
    assert names(path=path, series=("T1", "1d")) == []
    assert names(path=path, series=("*", "1d")) == ["T0", "T1"]
    assert names(path=path, series=("T1", "1d", "T0")) == ["T1", "T0"]
    assert all(
        len(prices.frame) < 201 for prices in read({"path": path, "series": ("*", "1d")}).values()
    )


def test_rows_of_other_series_are_told_and_are_no_sessions(tmp_path: Path) -> None:
    found = read(write_together(tmp_path, "wide", walks(2)))
    assert any(
        "rows have values of other series alone, and are no sessions of T0" in text
        for text in found["T0"].warnings
    )


def test_a_gap_that_all_have_is_refused_as_in_a_file_of_one(tmp_path: Path) -> None:
    table = pd.DataFrame(walks(2))
    table.iloc[100] = np.nan
    table.to_csv(tmp_path / "wide.csv")
    with pytest.raises(DataError, match="missing"):
        read({"path": tmp_path / "wide.csv", "series": "*", "layout": "wide"})


def test_a_file_under_another_name_is_still_one_of_brackets(tmp_path: Path) -> None:
    write_files(tmp_path / "my [old] prices", walks(2))
    assert names(path=tmp_path / "my [old] prices" / "T*.csv") == ["T0", "T1"]
    (tmp_path / "[a].csv").write_text((tmp_path / "my [old] prices" / "T0.csv").read_text())
    assert names(path=tmp_path / "[a].csv") == []


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ({"path": "prices/*.txt"}, "no file is called so"),
        ({"path": "prices/*.csv", "series": "*"}, "remove series, or name one file"),
        ({"path": "prices/T0.csv", "series": "*"}, "no column names a series"),
        ({"path": "prices/T*"}, "T0.csv and T0.txt are both called T0; rename or remove one"),
        ({"path": "long.csv", "series": ["*", "T0"]}, "remove one of them"),
    ],
)
def test_what_names_no_series_is_refused(tmp_path: Path, data: dict[str, Any], told: str) -> None:
    write_together(tmp_path, "files", walks(2))
    write_together(tmp_path, "long", walks(2))
    if data["path"] == "prices/T*":
        (tmp_path / "prices" / "T0.txt").write_text("Date,Close\n")
    with pytest.raises(DataError) as refused:
        names(**data | {"path": tmp_path / data["path"]})
    assert told in str(refused.value)


def test_a_slip_among_several_names_is_told_as_one(tmp_path: Path) -> None:
    data = write_together(tmp_path, "long", walks(3)) | {"series": ("T0", "T1", "T7")}
    with pytest.raises(DataError, match="there is no series 'T7'; did you mean T"):
        read(data)


def test_columns_that_say_which_price_they_are_are_not_wide(tmp_path: Path) -> None:
    data = write_together(tmp_path, "side by side", walks(2)) | {"layout": "wide"}
    with pytest.raises(DataError, match="remove layout"):
        read(data)
    assert list(read({key: data[key] for key in ("path", "series")})) == ["T0", "T1"]
