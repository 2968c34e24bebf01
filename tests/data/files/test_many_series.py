"""Files of several series: named where they are refused, and read where one is chosen."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from rnnsearch.config import DataSection, load_study
from rnnsearch.data.prices.load import Prices, read_prices
from rnnsearch.errors import DataError, StudyFileError
from rnnsearch.prepare.draft import init

pytestmark = pytest.mark.usefixtures("home")
DAYS = 120


def bars(level: float, first: str = "2020-01-01", rows: int = DAYS) -> pd.DataFrame:
    rng = np.random.default_rng(int(level))
    close = level * np.exp(np.cumsum(rng.normal(0, 0.01, rows)))
    index = pd.bdate_range(first, periods=rows, name="Date")
    frame = pd.DataFrame({"Open": close, "High": close * 1.01, "Low": close * 0.99}, index=index)
    return frame.assign(Close=close, Volume=rng.integers(1000, 9000, rows)).round(4)


MARKETS = {"AAA": bars(50), "BBB": bars(100), "CCC": bars(150)}


def read(path: Path, *series: Any, **data: Any) -> Prices:
    return read_prices(DataSection(path=path, series=series, **data))


def below_each_other(names: Sequence[str] = tuple(MARKETS)) -> pd.DataFrame:
    parts = [frame.assign(Ticker=name) for name, frame in zip(names, MARKETS.values(), strict=True)]
    return pd.concat(parts)


def side_by_side(fields_first: bool) -> pd.DataFrame:
    wide = pd.concat(MARKETS, axis="columns", names=["Ticker", "Price"], sort=False)
    return wide.swaplevel(axis="columns") if fields_first else wide


@pytest.fixture(
    params=[
        "stacked",
        "by date",
        "mixed",
        "pairs",
        "pairs, fields first",
        "parquet",
        "flat",
        "xlsx",
    ]
)
def several(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Three series in one file, as people have them."""
    path = tmp_path / "many.csv"
    if request.param == "stacked":
        below_each_other().to_csv(path)
    elif request.param == "by date":
        below_each_other().sort_values("Date", kind="stable").to_csv(path)
    elif request.param == "mixed":  # newest first
        below_each_other().sort_values("Date", kind="stable", ascending=False).to_csv(path)
    elif request.param == "pairs":
        side_by_side(False).to_csv(path)
    elif request.param == "pairs, fields first":
        side_by_side(True).to_csv(path)
    elif request.param == "parquet":
        path = tmp_path / "many.parquet"
        side_by_side(True).to_parquet(path)
    elif request.param == "flat":
        wide = side_by_side(False)
        wide.columns = pd.Index(["_".join(pair) for pair in wide.columns])
        wide.to_csv(path)
    else:
        path = tmp_path / "many.xlsx"
        with pd.ExcelWriter(path) as book:
            for name, frame in MARKETS.items():
                frame.to_excel(book, sheet_name=name)
    return path


def test_a_file_of_several_series_is_refused_with_their_names(several: Path) -> None:
    with pytest.raises(DataError, match=r"AAA, BBB, CCC") as refused:
        read(several)
    assert 'choose one with series = "AAA" in [data], or --series' in str(refused.value)
    assert "sort" not in str(refused.value)


def test_the_series_that_is_chosen_is_read_as_a_file_of_its_own(
    several: Path, tmp_path: Path
) -> None:
    for name, frame in MARKETS.items():
        frame.to_csv(tmp_path / "alone.csv")
        prices = read(several, name)
        assert prices.hash == read(tmp_path / "alone.csv").hash
        assert prices.name == f"{several.name} ({name})"


def test_a_series_that_is_not_there_is_refused_with_those_that_are(several: Path) -> None:
    with pytest.raises(DataError, match=r"AAA.*BBB.*CCC"):
        read(several, "AAB")


def test_a_ticker_may_be_a_number_and_keeps_its_zeros(tmp_path: Path) -> None:
    path = tmp_path / "tw.csv"
    below_each_other(("0050", "2330", "2317")).to_csv(path)
    for series in ("0050", 50, "50"):
        assert len(read(path, series).dates) == DAYS
    with pytest.raises(DataError, match=r"3 values \(0050, 2330, 2317\)"):
        read(path)


def test_a_study_file_chooses_a_series_and_joins_another_of_the_same_file(tmp_path: Path) -> None:
    below_each_other(("AAA", "2330", "CCC")).to_csv(tmp_path / "many.csv")
    study = tmp_path / "one.toml"
    zone = 'close_time = "16:00"\ntime_zone = "America/New_York"\n'
    study.write_text(
        f'[data]\npath = "many.csv"\nseries = "AAA"\n{zone}'
        f'[[data.join]]\npath = "many.csv"\nseries = 2330\nprefix = "tw_"\n{zone}'
    )
    prices = read_prices(load_study(study).data)
    assert np.array_equal(prices.close, MARKETS["AAA"]["Close"])
    assert prices.joined[0].name == "many.csv (2330)"
    assert np.array_equal(prices.joined[0].close, MARKETS["BBB"]["Close"])
    study.write_text('[data]\npath = "many.csv"\nseries = ""\n')
    with pytest.raises(StudyFileError, match="the name of a series is not empty"):
        load_study(study)


def test_two_names_are_needed_where_two_columns_tell_rows_apart(tmp_path: Path) -> None:
    daily = below_each_other().assign(interval="1d")
    other = below_each_other().assign(interval="1d-adjusted")
    path = tmp_path / "many.csv"
    pd.concat([daily, other]).to_csv(path)
    with pytest.raises(DataError, match=r"column interval has 2 values \(1d, 1d-adjusted\)"):
        read(path, "AAA")
    assert len(read(path, "AAA", "1d").dates) == DAYS


def test_two_stocks_one_after_the_other_are_not_one_series(tmp_path: Path) -> None:
    later = bars(400, first="2020-06-24")
    path = tmp_path / "glued.csv"
    for column in ("Ticker", "Company", "what"):
        parts = [MARKETS["AAA"].assign(**{column: "A Co."}), later.assign(**{column: "B Co."})]
        pd.concat(parts).to_csv(path)
        with pytest.raises(DataError, match=rf"{column} has 2 values \(A Co., B Co.\), and Close"):
            read(path)
        assert len(read(path, "B Co.").dates) == DAYS


def test_a_stock_that_changes_its_name_is_one_series(tmp_path: Path) -> None:
    frame = MARKETS["AAA"].assign(Ticker=["FB"] * 30 + ["META"] * (DAYS - 30))
    frame.to_csv(tmp_path / "meta.csv")
    prices = read(tmp_path / "meta.csv")
    assert len(prices.dates) == DAYS
    assert "column Ticker changes from FB to META on 2020-02-12" in prices.warnings[0]


def test_words_that_come_and_go_name_no_series(tmp_path: Path) -> None:
    frame = MARKETS["AAA"].assign(regime=["bear", "bull", "flat"] * (DAYS // 3), day=range(DAYS))
    frame.to_csv(tmp_path / "words.csv")
    assert len(read(tmp_path / "words.csv").dates) == DAYS
    swapped = frame.iloc[[1, 0, *range(2, DAYS)]]
    swapped.to_csv(tmp_path / "swapped.csv")
    with pytest.raises(DataError, match="dates must increase, but row 2"):
        read(tmp_path / "swapped.csv")


def test_series_without_names_are_told_by_the_dates_that_begin_again(tmp_path: Path) -> None:
    path = tmp_path / "nolabel.csv"
    below_each_other().drop(columns="Ticker").to_csv(path)
    with pytest.raises(DataError, match=r"3 series stand one .* keep the rows of one \(1 to 120\)"):
        read(path)
    whole = path.read_text().splitlines()
    path.write_text("\n".join(whole[:121]))  # as advised
    assert len(read(path).dates) == DAYS
    below_each_other().drop(columns="Ticker").sort_index(kind="stable").to_csv(path)
    with pytest.raises(DataError, match=r"360 rows have a date that others have too.* 3 times"):
        read(path)


def test_months_in_the_wrong_order_are_one_series_that_wants_sorting(tmp_path: Path) -> None:
    frame = MARKETS["AAA"]
    pd.concat([frame.iloc[60:], frame.iloc[:60]]).to_csv(tmp_path / "months.csv")
    with pytest.raises(DataError, match="sort the file"):
        read(tmp_path / "months.csv")


def test_rows_of_the_chosen_series_are_counted_as_they_stand_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "many.csv"
    # without names, its second series begins in row 61
    pd.concat([below_each_other(), below_each_other()]).assign(Ticker="X").to_csv(path)
    with pytest.raises(DataError, match=r"in row 121 .*\(1 to 120\)"):
        read(path)


def test_one_series_of_its_own_needs_no_name(tmp_path: Path) -> None:
    MARKETS["AAA"].to_csv(tmp_path / "alone.csv")
    told = read(tmp_path / "alone.csv", "AAA").warnings
    assert "no column names a series, so all rows are read as those of AAA" in told[0]


@pytest.mark.slow
def test_init_takes_the_series_that_its_refusal_offers(
    several: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match="--series AAA of init"):
        init(several)
    draft = init(several, series=("AAA",))
    assert 'series = "AAA"' in draft.path.read_text()
    assert load_study(draft.path).data.series == ("AAA",)
