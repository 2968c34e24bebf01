"""Whatever the bytes: prices, or our own error."""

import datetime as dt
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnsearch.config import DataSection
from rnnsearch.data.prices.load import read_prices
from rnnsearch.errors import DataError, RnnsearchError
from tests.data.prices.test_prices import HEADER, ROWS, read

pytestmark = pytest.mark.slow  # whole searches or commands


def read_or_refuse(path: Path) -> None:
    """Either prices or our own error; anything else fails the test."""
    for data in (DataSection(path=path), DataSection(path=path, predict="level", columns="none")):
        try:
            prices = read_prices(data)
        except RnnsearchError as error:
            assert str(error).startswith(path.name)  # noqa: PT017
        else:
            assert np.isfinite(prices.frame.to_numpy()).all()
            assert prices.dates.is_monotonic_increasing


@settings(max_examples=150, deadline=None, derandomize=True)
@given(content=st.binary(max_size=200))
def test_arbitrary_bytes_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "fuzz.csv"
    for start in (b"", b"Date,Close\n2020-01-01,1\n2020-01-02,2\n"):
        path.write_bytes(start + content)
        read_or_refuse(path)


@settings(max_examples=250, deadline=None, derandomize=True)
@given(data=st.data())
def test_mangled_files_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.getbasetemp() / "mangled.csv"
    text = "\n".join([HEADER, *ROWS, ""])
    pieces = st.sampled_from(
        [
            ",",
            ";",
            '"',
            "\n",
            "\r",
            "\t",
            "nan",
            "-",
            "1e400",
            "0",
            "true",
            "é",
            " ",
            "Date",
            "+",
            "Z",
        ]
    ) | st.text(max_size=3)
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(start, min(len(text), start + 6)))
        text = text[:start] + data.draw(pieces) + text[end:]
    path.write_text(text, encoding="utf-8", errors="surrogatepass", newline="")
    read_or_refuse(path)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(position=st.integers(0, 3000), content=st.binary(min_size=1, max_size=8))
def test_damaged_parquet_files_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, position: int, content: bytes
) -> None:
    folder = tmp_path_factory.getbasetemp()
    good = folder / "good.parquet"
    if not good.exists():
        read(folder, HEADER, *ROWS).frame.to_parquet(good)
    whole = good.read_bytes()
    position %= len(whole)
    path = folder / "damaged.parquet"
    path.write_bytes(whole[:position] + content + whole[position + len(content) :])
    read_or_refuse(path)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("Date,Close\n".replace("Close", "C" * 200_000) + "2020-01-01,1\n", "field larger than"),
        ("x" * 2_000_000, "a line must be shorter than"),
        ("Date," + "9" * 120_000 + "x\n2020-01-01,1\n2020-01-02,2\n", "there is no column 'Close'"),
        ("Date," + "(" * 120_000 + "\n2020-01-01,1\n2020-01-02,2\n", "there is no column 'Close'"),
        ("Date,Close\n" + "9" * 120_000 + "x,1\n2020-01-01,1\n", "the date of row 1 is"),
        ("Date,Close\n" + "(" * 120_000 + ",1\n2020-01-01,1\n", "the date of row 1 is"),
        ("Date," + ",".join(f"c{n}" for n in range(20_000)) + "\n", "may have 3000 columns"),
        ("Date,Close\n2020-01-01" + ",1" * 100_000 + "\n", "is not a table"),
        ("[" * 100_000, "is not JSON"),
        ('[{"Date": "2020-01-01", "Close": ' + "9" * 10_000 + "}]", "is not JSON"),
    ],
    ids=[
        "field",
        "line",
        "digits of a name",
        "brackets",
        "digits of a date",
        "opened",
        "columns",
        "row",
        "deep",
        "digits",
    ],
)
def test_gigantic_parts_are_refused_shortly(tmp_path: Path, content: str, told: str) -> None:
    path = tmp_path / "prices.csv"
    path.write_text(content)
    with pytest.raises(DataError, match=told) as refused:
        read_prices(DataSection(path=path))
    assert len(str(refused.value)) < 600


@pytest.mark.parametrize("size", [1e300, 1.7e308, 1e-300, 5e-324])
def test_prices_near_the_limits_of_numbers_are_refused_without_a_warning(
    tmp_path: Path, size: float
) -> None:
    lines = [f"2020-01-{day:02},{size / (1 + day / 100)!r}" for day in range(1, 31)]
    with pytest.raises(DataError, match=r"Close must lie within|Close must move"):
        read(tmp_path, "Date,Close", *lines)


def test_a_further_column_near_the_limits_is_left_out(tmp_path: Path) -> None:
    lines = [f"2020-01-{day:02},{day},{day * 1e306!r}" for day in range(1, 31)]
    prices = read(tmp_path, "Date,Close,x", *lines)
    assert prices.extras == ()
    assert "column 'x' has values such as 1e+306" in " ".join(prices.warnings)


@pytest.mark.parametrize(
    "values",
    [
        [[1, 2], [3]],
        [{"a": 1}, {"a": 2}],
        [b"x", b"y"],
        [pd.Timedelta(1, "s"), pd.Timedelta(2, "s")],
        [None, None],
        [True, False],
        [dt.date(2020, 1, 1), dt.date(2020, 1, 2)],
        [dt.time(1), dt.time(2)],
        [Decimal("1.5"), Decimal("2.5")],
        ["a" * 100_000, "b"],
        [2**62, 2**62 + 1],
    ],
    ids=lambda values: type(values[0]).__name__,
)
@pytest.mark.parametrize("place", ["Date", "Close", "x"])
def test_parquet_of_any_type_is_read_or_refused(
    tmp_path: Path, values: list[object], place: str
) -> None:
    good = {"Date": ["2020-01-01", "2020-01-02"], "Close": [1.0, 2.0]}
    pd.DataFrame(good | {place: values}).to_parquet(tmp_path / "prices.parquet")
    read_or_refuse(tmp_path / "prices.parquet")
