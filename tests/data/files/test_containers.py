"""Workbooks, JSON, packed files and frames: each is read as its CSV is, whatever it is called."""

import bz2
import gzip
import io
import json
import lzma
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from rnnsearch.config import DataSection
from rnnsearch.data.prices.load import Prices, read_prices
from rnnsearch.errors import DataError
from tests.data.files.test_many_series import bars

PRICES = bars(50)
CSV = PRICES.to_csv().encode()
JAPAN = {"Open": "始値", "High": "高値", "Low": "安値", "Close": "終値", "Volume": "出来高"}
NAMES = {  # as investing.com and exchanges write them
    "cp932": ("日付", "終値", "始値", "高値", "安値", "出来高"),
    "gb18030": ("日期", "收盘", "开盘", "高", "低", "交易量"),
    "cp950": ("日期", "收盤價", "開盤價", "最高價", "最低價", "成交股數"),
    "cp949": ("날짜", "종가", "시가", "고가", "저가", "거래량"),
    "cp1251": ("Дата", "Цена", "Откр.", "Макс.", "Мин.", "Объём"),
    "cp1250": ("Data", "Zamknięcie", "Otwarcie", "Najwyższy", "Najniższy", "Wolumen"),
    "cp1254": ("Tarih", "Şimdi", "Açılış", "Yüksek", "Düşük", "Hac."),
    "cp1253": ("Ημερομηνία", "Τελευταία", "Άνοιγμα", "Μέγιστο", "Ελάχιστο", "Όγκος"),
    "cp874": ("วันที่", "ล่าสุด", "เปิด", "สูงสุด", "ต่ำสุด", "ปริมาณ"),
    "utf-8": ("Ngày", "Lần cuối", "Mở", "Cao", "Thấp", "KL"),
    "utf-16": ("Data", "Último", "Abertura", "Máxima", "Mínima", "Vol."),
    "cp1252": ("Fecha", "Último", "Apertura", "Máximo", "Mínimo", "Vol."),
    "ascii": ("Tanggal", "Terakhir", "Pembukaan", "Tertinggi", "Terendah", "Vol."),
    "latin-1": ("Data", "Ultimo", "Apertura", "Massimo", "Minimo", "Vol."),
}


def read(path: Path) -> Prices:
    return read_prices(DataSection(path=path, columns="none"))


def zipped(files: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return file.getvalue()


def workbook() -> bytes:
    file = io.BytesIO()
    PRICES.to_excel(file)
    return file.getvalue()


def titled_workbook() -> bytes:
    file = io.BytesIO()
    with pd.ExcelWriter(file) as book:
        pd.DataFrame({"about": ["nothing"]}).to_excel(book, sheet_name="Notes", index=False)
        PRICES.rename(columns=JAPAN).to_excel(book, sheet_name="Prices", startrow=3)
    return file.getvalue()


def arrow() -> bytes:
    file = io.BytesIO()
    PRICES.reset_index().to_feather(file)
    return file.getvalue()


def parquet(frame: pd.DataFrame) -> bytes:
    file = io.BytesIO()
    frame.to_parquet(file)
    return file.getvalue()


def pairs() -> pd.DataFrame:
    frame = PRICES.copy()
    frame.columns = pd.MultiIndex.from_product([frame.columns, ["AAPL"]], names=["Price", "Ticker"])
    return frame


def flat_pairs() -> pd.DataFrame:
    frame = pairs()
    frame.columns = pd.Index([str(pair) for pair in frame.columns])
    return frame


def records() -> list[dict[str, object]]:
    return PRICES.reset_index().assign(Date=lambda f: f["Date"].astype("str")).to_dict("records")


def as_json(orient: str) -> bytes:
    frame = PRICES.reset_index().assign(Date=lambda f: f["Date"].astype("str"))
    if orient == "index":
        frame = frame.set_index("Date")
    return frame.to_json(orient=orient, double_precision=15).encode()  # type: ignore[call-overload]


KINDS: dict[str, Callable[[], bytes]] = {
    "gz": lambda: gzip.compress(CSV),
    "bz2": lambda: bz2.compress(CSV),
    "xz": lambda: lzma.compress(CSV),
    "zip": lambda: zipped({"prices.csv": CSV, "__MACOSX/._prices.csv": b"x"}),
    "zip of gz": lambda: zipped({"prices.csv.gz": gzip.compress(CSV)}),
    "zip of xlsx": lambda: zipped({"prices.xlsx": workbook()}),
    "tsv": lambda: CSV.replace(b",", b"\t"),
    "bars": lambda: CSV.replace(b",", b"|"),
    "excel's own csv": lambda: b"sep=;\r\n" + CSV.replace(b",", b";"),
    "xlsx": workbook,
    "xlsx with titles": titled_workbook,
    "arrow": arrow,
    "parquet": lambda: parquet(PRICES),
    "parquet of pairs": lambda: parquet(pairs()),
    "parquet of flat pairs": lambda: parquet(flat_pairs()),
    "parquet, gz": lambda: gzip.compress(parquet(PRICES)),
    "csv of pairs": lambda: pairs().to_csv().encode(),
    "csv of flat pairs": lambda: flat_pairs().to_csv().encode(),
    "csv of swapped pairs": lambda: pairs().swaplevel(axis="columns").to_csv().encode(),
    "json records": lambda: json.dumps(records()).encode(),
    "json lines": lambda: "\n".join(map(json.dumps, records())).encode(),
    "json inside": lambda: json.dumps({"ok": True, "data": {"rows": records()}}).encode(),
    "json columns": lambda: as_json("columns"),
    "json split": lambda: as_json("split"),
    "json by date": lambda: as_json("index"),
    "json lists": lambda: (
        PRICES.reset_index()
        .assign(Date=lambda f: f["Date"].astype("str"))
        .pipe(lambda f: json.dumps({name: f[name].tolist() for name in f}))
        .encode()
    ),
}


@pytest.mark.parametrize("name", ["prices.csv", "prices", "prices.xls"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_file_is_what_it_holds_whatever_its_name(tmp_path: Path, kind: str, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(KINDS[kind]())
    prices = read(path)
    pd.testing.assert_frame_equal(prices.frame, PRICES.astype("float64"), check_freq=False)


@pytest.mark.parametrize("encoding", NAMES)
def test_names_of_many_languages_are_read_in_their_encodings(tmp_path: Path, encoding: str) -> None:
    order = ["Close", "Open", "High", "Low", "Volume"]
    frame = PRICES[order].reset_index().set_axis(list(NAMES[encoding]), axis="columns")
    path = tmp_path / "prices.csv"
    path.write_bytes(frame.to_csv(index=False).encode(encoding))
    prices = read(path)
    assert prices.frame[order].to_numpy().tolist() == PRICES[order].to_numpy().tolist()
    if encoding not in ("utf-8", "utf-16", "ascii", "latin-1"):
        assert f"is not UTF-8, so its text is read as {encoding}" in " ".join(prices.warnings)


def test_text_beside_the_prices_may_be_of_any_encoding(tmp_path: Path) -> None:
    path = tmp_path / "prices.csv"
    path.write_bytes(PRICES.assign(Firma="Müller Söhne").to_csv().encode("cp1252"))
    assert len(read(path).dates) == len(PRICES)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (zipped({"a.csv": CSV, "b.csv": CSV}), r"holds 2 \(a.csv, b.csv\); unpack it"),
        (zipped({}), "a zip that holds nothing"),
        (gzip.compress(CSV, mtime=0)[:-9], "is packed and damaged"),
        (gzip.compress(b"", mtime=0), "the file inside is empty"),
        (workbook()[:900], "is packed and damaged"),
        (b'{"a": ' * 5000, "is not JSON"),
        (b"[[1, 2], [3, 4]]", "the first line has 2 values|no date column"),
        (b"7z\xbc\xaf\x27\x1c", "is a 7z archive; unpack it"),
    ],
    ids=range(8),  # the contents hold the time, which two test processes have otherwise
)
def test_what_holds_no_one_table_is_refused_with_the_way(
    tmp_path: Path, content: bytes, told: str
) -> None:
    path = tmp_path / "prices.csv"
    path.write_bytes(content)
    with pytest.raises(DataError, match=told):
        read(path)


def test_a_file_without_a_header_is_read_with_the_line_that_is_offered(tmp_path: Path) -> None:
    path = tmp_path / "prices.csv"
    rows = [
        f"{day:%Y/%m/%d},{int(r.Volume)},7,{r.Open},{r.High},{r.Low},{r.Close},+0.10,59"
        for day, r in zip(PRICES.index, PRICES.itertuples(), strict=True)
    ]
    path.write_text("\n".join(rows))
    with pytest.raises(DataError, match=r"the first line has 9 values .* with 9 names") as refused:
        read(path)
    line = re.search(r"such as (\S+)\.$", str(refused.value))
    assert line is not None
    path.write_text("\n".join([line[1], *rows]))
    assert read(path).close.tolist() == PRICES["Close"].tolist()
