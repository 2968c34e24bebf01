"""Values that are not there: refused with the way out, left out, or carried on; never made up."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from rnnsearch.config import DataSection, StudyFile, load_study
from rnnsearch.data.inputs.build import build_inputs
from rnnsearch.data.prices.load import read_prices
from rnnsearch.errors import DataError
from rnnsearch.prepare.draft import init
from tests.helpers.evaluated import write_bars
from tests.helpers.series import bars, read, told

pytestmark = pytest.mark.usefixtures("home")
NO_INDICATORS = {"indicators": "none"}


def with_gaps(sign: str = "", gaps: tuple[int, ...] = (24, 30, 31)) -> pd.DataFrame:
    """Bars with rows (0-based) in which nothing was traded."""
    frame = bars().astype(object)
    frame.iloc[list(gaps), :4] = sign
    return frame


def sparse(rows: int = 300) -> pd.DataFrame:
    """Bars with a column that has a value every 60 rows, the first in row 11."""
    frame = bars(rows)
    values = np.full(rows, np.nan)
    values[10::60] = np.arange(len(values[10::60])) + 1.5
    return frame.assign(eps=values)


@pytest.mark.parametrize("sign", ["", "null", "--", ".", "-", "N/A", "None", " "])
def test_rows_without_prices_are_refused_with_their_count_their_numbers_and_the_way(
    tmp_path: Path, sign: str
) -> None:
    with pytest.raises(DataError) as refused:
        read(tmp_path, with_gaps(sign))
    message = str(refused.value)
    assert "Open must be there in every row, but row 25 (2020-02-04) is missing" in message
    assert "(3 such rows: 25, 31, 32)" in message
    assert 'missing = "drop" in [data]: the 3 rows' in message
    assert len(message) < 500


@pytest.mark.parametrize("sign", ["", "null", "--", "."])
def test_taking_the_advice_leaves_these_rows_out_and_says_so(tmp_path: Path, sign: str) -> None:
    prices = read(tmp_path, with_gaps(sign), missing="drop")
    assert len(prices.dates) == 297
    pd.testing.assert_frame_equal(
        prices.frame, bars().drop(bars().index[[24, 30, 31]]), check_freq=False
    )
    assert '3 rows without Open, High, Low, Close are left out (missing = "drop")' in told(prices)
    assert "first row 25 (2020-02-04)" in told(prices)


def test_rows_keep_their_numbers_where_others_are_left_out_or_the_newest_is_first(
    tmp_path: Path,
) -> None:
    frame = with_gaps()
    frame.iloc[200, 2] = -1.0
    study = StudyFile.model_validate({"data": {"path": "prices.csv"}})
    for rows, number in ((frame, 201), (frame[::-1], 100)):
        prices = read(tmp_path, rows, missing="drop")
        with pytest.raises(DataError, match=rf"but Low in row {number} \(2020-10-07\) is -1; "):
            build_inputs(prices, study, None)


def test_a_sparse_column_is_refused_until_its_last_value_may_be_carried_on(tmp_path: Path) -> None:
    with pytest.raises(DataError, match='fill = "forward": each has the last known value'):
        read(tmp_path, sparse())
    prices = read(tmp_path, sparse(), fill="forward")
    found = prices.frame["eps"].to_numpy()
    assert np.isnan(found[:10]).all()
    assert found[10] == found[69] == 1.5
    assert found[70] == 2.5
    assert "eps has no value in 285 rows, first in row 12" in told(prices)


def test_what_is_carried_on_is_what_a_join_of_the_sparse_file_gives(tmp_path: Path) -> None:
    frame = sparse()
    market = {"close_time": "16:00", "time_zone": "America/New_York"}
    inside = read(tmp_path, frame, fill="forward")
    frame[["eps"]].dropna().to_csv(tmp_path / "eps.csv")
    joined = read_prices(
        DataSection.model_validate(
            {"path": tmp_path / "prices.csv", "columns": "none"}
            | market
            | {"join": [{"path": tmp_path / "eps.csv", "prefix": "q_", **market}]}
        )
    )
    inputs = {"inputs": NO_INDICATORS}
    data = {"path": "p", **market, "join": [{"path": "e", "prefix": "q_", **market}]}
    one = build_inputs(inside, StudyFile.model_validate({"data": {"path": "p"}} | inputs), None)
    two = build_inputs(joined, StudyFile.model_validate({"data": data} | inputs), None)
    np.testing.assert_array_equal(
        one.values[:, one.names.index("eps")], two.values[:, two.names.index("q_eps")]
    )
    assert one.warmup == two.warmup == 10


def test_the_rows_before_the_first_value_of_an_input_are_its_warm_up(tmp_path: Path) -> None:
    frame = bars().assign(mood=np.arange(300) % 13)
    frame.loc[frame.index[:120], "mood"] = np.nan
    prices = read(tmp_path, frame)
    study = StudyFile.model_validate({"data": {"path": "prices.csv"}, "inputs": NO_INDICATORS})
    table = build_inputs(prices, study, None)
    assert table.warmup == 120
    assert np.isfinite(table.values[120:]).all()
    assert "mood begins on 2020-06-17, so the first 120 of 300 rows are its warm-up" in told(prices)


def test_later_rows_change_nothing_that_is_carried_on(tmp_path: Path) -> None:
    frame = sparse()
    whole = read(tmp_path, frame, fill="forward", missing="drop").frame
    changed = frame.copy()
    changed.iloc[200:] = changed.iloc[200:] * 3
    changed.iloc[205:220, :5] = np.nan
    other = read(tmp_path, changed, fill="forward", missing="drop").frame
    pd.testing.assert_frame_equal(whole[:200], other[:200])


def test_a_number_that_is_infinite_is_no_missing_one(tmp_path: Path) -> None:
    frame = bars().assign(ratio=np.arange(300) % 7.0)
    frame.loc[frame.index[5], "ratio"] = np.inf
    with pytest.raises(DataError, match=r"ratio .* row 6 \(2020-01-08\) is inf; write a number"):
        read(tmp_path, frame, missing="drop", fill="forward")


def test_init_writes_what_a_file_with_gaps_needs_and_nothing_else(tmp_path: Path) -> None:
    for name, frame, missing, fill in (
        ("whole", bars(), "refuse", "none"),
        ("holes", with_gaps("--"), "drop", "none"),
        ("sparse", sparse(), "refuse", "forward"),
    ):
        frame.to_csv(tmp_path / f"{name}.csv")
        draft = init(tmp_path / f"{name}.csv", tmp_path / f"{name}.toml")
        data = load_study(draft.path).data
        assert (data.missing, data.fill) == (missing, fill)
        read_prices(data)


def test_settings_that_a_study_does_not_use_are_not_part_of_it(tmp_path: Path) -> None:
    write_bars(tmp_path / "bars.csv")
    plain = StudyFile.model_validate({"data": {"path": "bars.csv"}})
    assert not {"missing", "fill"} & plain.fingerprint()["data"].keys()
    other = StudyFile.model_validate({"data": {"path": "bars.csv", "missing": "drop"}})
    assert other.fingerprint()["data"]["missing"] == "drop"
