"""Whatever the bytes: prices, or our own error."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnsearch.config import DataSection
from rnnsearch.data.prices import read_prices
from rnnsearch.errors import RnnsearchError
from tests.test_prices import HEADER, ROWS, read


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
