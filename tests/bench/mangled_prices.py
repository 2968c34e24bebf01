"""Price files that nobody would write on purpose, of invented data: for `fuzzing`.

`mangled(chance, folder)` writes one and says which, in a few words.
"""

import gzip
import io
import json
import os
import random
import zipfile
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet

DAYS = 260
FIRST = date(2020, 1, 2)
ODD_NAMES = [
    "\x1b[31mred",
    "a\x00b",
    "\u202egnp",
    "[b]x[/b]",
    '"',
    "'''",
    "a\nb",
    "",
    " ",
    "Date",
    "Close",
]
EDGES = [1.7e308, -1.7e308, 5e-324, 2e-308, float("inf"), float("nan"), 0.0, -0.0, 1e300, 1e-300]

Mangle = Callable[[random.Random, Path], tuple[Path, str]]


def mangled(chance: random.Random, folder: Path) -> tuple[Path, str]:
    return chance.choices(list(WAYS), list(WAYS.values()))[0](chance, folder)


def dates(count: int = DAYS) -> list[date]:
    days = (FIRST + timedelta(days=n) for n in range(2 * count))
    return [day for day in days if day.weekday() < 5][:count]


def csv(chance: random.Random, rows: int = DAYS) -> bytes:
    """A good file, of one of a few dialects."""
    mark = chance.choice([",", ";", "\t"])
    lines = [mark.join(["Date", "Open", "High", "Low", "Close", "Volume", "Extra"])]
    close = 100.0
    for day in dates(rows):
        open_, close = close, close * (1 + chance.gauss(0, 0.01))
        cells = [open_, max(open_, close) * 1.01, min(open_, close) * 0.99, close]
        numbers = [f"{cell:.4f}" for cell in cells]
        more = [str(chance.randint(100, 9000)), f"{chance.gauss(0, 1):.3f}"]
        lines.append(mark.join([str(day), *numbers, *more]))
    return (chance.choice(["\n", "\r\n"]).join(lines) + "\n").encode()


def _put(folder: Path, name: str, content: bytes) -> Path:
    (folder / name).write_bytes(content)
    return folder / name


# --- text ---------------------------------------------------------------------------------------


def bytes_changed(chance: random.Random, folder: Path) -> tuple[Path, str]:
    content = bytearray(csv(chance))
    changes = chance.randint(1, 30)
    for _ in range(changes):
        place = chance.randrange(len(content))
        match chance.randrange(5):
            case 0:
                content[place] = chance.randrange(256)
            case 1:
                del content[place : place + chance.randint(1, 60)]
            case 2:
                content[place:place] = content[: chance.randint(1, 400)]
            case 3:
                content[place:place] = chance.randbytes(chance.randint(1, 20))
            case 4:
                content[place:place] = chance.choice(
                    [b'"', b"\n", b",", b"\x00", b"\r", b"-", b"e9"]
                )
        content = content or bytearray(b"x")
    return _put(folder, "prices.csv", bytes(content)), f"{changes} changes of bytes"


def encoded(chance: random.Random, folder: Path) -> tuple[Path, str]:
    coding = chance.choice(
        ["utf-16", "utf-16-le", "utf-32", "shift-jis", "big5", "utf-8-sig", "cp037"]
    )
    content = csv(chance).decode().replace("Extra", "終値").encode(coding, errors="replace")
    return _put(folder, "prices.csv", content[: chance.choice([len(content), 3001])]), coding


def gigantic(chance: random.Random, folder: Path) -> tuple[Path, str]:
    size = 10 ** chance.randint(5, 7)
    filling = chance.choice([b"9", b"x", b'"', b"a b ", b"\x00", b"1.", b"(", b"1e"]) * size
    good = csv(chance)
    place = chance.choice(["cell", "line", "header", "all", "line ends"])
    content = {
        "cell": good + b"2030-01-01," + filling + b",1,1,1,1,1\n",
        "line": good[:5000] + filling + good[5000:],
        "header": filling + b"," + good,
        "all": filling,
        "line ends": good + b"\n" * size,
    }[place]
    return _put(
        folder, "prices.csv", content[: 3 * 10**7]
    ), f"a gigantic {place} of {filling[:4]!r}"


def many_columns(chance: random.Random, folder: Path) -> tuple[Path, str]:
    count = 10 ** chance.randint(3, 6)
    rows = max(2, min(DAYS, 3 * 10**6 // count))
    names = [b"Date", b"Close", *(b"c%d" % n for n in range(count))]
    filling = b",1" * count
    lines = [
        b",".join(names),
        *(str(d).encode() + b",%d" % chance.randint(90, 99) + filling for d in dates(rows)),
    ]
    return _put(folder, "prices.csv", b"\n".join(lines)), f"{count} columns, {rows} rows"


def odd_names(chance: random.Random, folder: Path) -> tuple[Path, str]:
    names = chance.sample(ODD_NAMES, 4)
    head, *lines = csv(chance).decode().replace(";", ",").replace("\t", ",").splitlines()
    quoted = [f'"{name.replace(chr(34), chr(34) * 2)}"' for name in names]
    text = "\n".join([",".join([head, *quoted]), *(line + ",1,2,3,4" for line in lines)])
    return _put(
        folder, chance.choice(["prices.csv", "\x1b[31m 'x'.csv"]), text.encode()
    ), f"{names}"


def at_the_edges(chance: random.Random, folder: Path) -> tuple[Path, str]:
    """Prices at the limits of a float, all of them or some."""
    share = chance.choice([0.02, 0.5, 1.0])
    edges = chance.sample(EDGES, chance.randint(1, 3))
    lines = ["Date,Open,High,Low,Close,Volume"]
    for day in dates():
        cells = [
            repr(chance.choice(edges) * chance.choice([1.0, 0.9]))
            if chance.random() < share
            else "9.5"
            for _ in range(5)
        ]
        lines.append(",".join([str(day), *cells]))
    return _put(folder, "prices.csv", "\n".join(lines).encode()), f"{edges}, {share:.0%}"


def next_to_nothing(chance: random.Random, folder: Path) -> tuple[Path, str]:
    content = chance.choice(
        [
            b"",
            b"\n",
            b" ",
            b"\xef\xbb\xbf",
            b"\xff\xfe",
            b"Date,Close",
            b"Date,Close\n",
            b",",
            b'"',
            b"\x00",
            b"Date,Close\n2020-01-02,1\n",
            b"\n\n,\n,,\n",
            b"1\n2\n3\n",
            b"[]",
            b"{}",
            b"null",
        ]
    )
    name = chance.choice(["csv", "tsv", "json", "txt", "parquet", "xlsx", "csv.gz", "zip", "xls"])
    return _put(folder, f"prices.{name}", content), f"{content!r} as .{name}"


# --- other containers ---------------------------------------------------------------------------


def _xlsx(chance: random.Random) -> bytes:
    import openpyxl

    book = openpyxl.Workbook()
    for line in csv(chance, 80).decode().splitlines():
        book.active.append(line.replace(";", ",").replace("\t", ",").split(","))
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def _zip(chance: random.Random) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(chance.choice([0, 1, 1, 2])):
            archive.writestr(
                chance.choice(["a.csv", "../b.csv", f"{number}/"]) + str(number), csv(chance)
            )
    return target.getvalue()


def _json(chance: random.Random) -> bytes:
    rows: list[Any] = [
        {"Date": str(day), "Close": chance.choice([1, "2", None, [1], {"a": 1}, 1e308])}
        for day in dates()
    ]
    return json.dumps(chance.choice([rows, {"data": rows}, rows[:1], [rows], "text"])).encode()


def container_broken(chance: random.Random, folder: Path) -> tuple[Path, str]:
    name, make = chance.choice(
        [
            ("prices.xlsx", _xlsx),
            ("prices.csv.gz", lambda chance: gzip.compress(csv(chance))),
            ("prices.csv.gz", lambda _: gzip.compress(b"0" * 10**8)),
            ("prices.zip", _zip),
            ("prices.csv.zip", _zip),
            ("prices.json", _json),
            ("prices.parquet", lambda chance: _parquet(_columns(chance))),
        ]
    )
    content = bytearray(make(chance))
    how = chance.choice(["cut", "changed", "whole", "named otherwise"])
    if how == "cut":
        content = content[: chance.randrange(len(content))]
    elif how == "changed":
        for _ in range(chance.randint(1, 10)):
            content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    elif how == "named otherwise":
        name = chance.choice(
            ["prices.csv", "prices.parquet", "prices.xlsx", "prices.csv.gz", "prices.json"]
        )
    return _put(folder, name, bytes(content)), f"{name}, {how}"


def _parquet(columns: dict[str, Any]) -> bytes:
    target = io.BytesIO()
    pyarrow.parquet.write_table(pa.table(columns), target)
    return target.getvalue()


def _columns(chance: random.Random) -> dict[str, Any]:
    close = pa.array([100 + chance.gauss(0, 1) for _ in range(DAYS)])
    return {"Date": pa.array(dates()), "Close": close}


def _odd_columns(chance: random.Random) -> dict[str, Any]:
    """Arrow arrays of DAYS values, of types that no price has."""
    n = DAYS
    moment = datetime(2020, 1, 1)
    return {
        "lists": pa.array([[1.0, 2.0]] * n),
        "deep": pa.array([[[[[None]]]]] * n),
        "struct": pa.array([{"a": 1, "b": {"c": "x"}}] * n),
        "map": pa.array([[("k", 1)]] * n, pa.map_(pa.string(), pa.int64())),
        "decimal": pa.array([Decimal("1.23")] * n, pa.decimal128(38, 10)),
        "huge decimal": pa.array([Decimal(10) ** 70] * n, pa.decimal256(76, 0)),
        "bytes": pa.array([b"\xff\x00"] * n),
        "span": pa.array([timedelta(days=10**5)] * n),
        "far": pa.array([2**52] * n).cast(pa.timestamp("s"), safe=False),
        "zone": pa.array([moment] * n, pa.timestamp("us", "Asia/Taipei")),
        "clock": pa.array([moment.time()] * n),
        "huge": pa.array([2**64 - 1] * n, pa.uint64()),
        "half": pa.array([1.0] * n).cast(pa.float32()).cast(pa.float16()),
        "words": pa.array(["a", "b"] * (n // 2)).dictionary_encode(),
        "nothing": pa.nulls(n),
        "flags": pa.array([True, None] * (n // 2)),
        "long text": pa.array(["x" * 10**4] * n),
        "edges": pa.array((EDGES * n)[:n]),
    }


def parquet_odd(chance: random.Random, folder: Path) -> tuple[Path, str]:
    columns, odd = _columns(chance), _odd_columns(chance)
    chosen = chance.sample(sorted(odd), chance.randint(1, 4))
    columns |= {name: odd[name] for name in chosen}
    renamed = chance.choice([None, None, "Date", "Close"])
    if renamed:
        columns[renamed] = odd[chosen[0]]
    if chance.random() < 0.1:
        columns = {name: array[:0] for name, array in columns.items()}
    return _put(folder, "prices.parquet", _parquet(columns)), f"{chosen} {renamed or ''}"


# --- what is no file ----------------------------------------------------------------------------


def no_file(chance: random.Random, folder: Path) -> tuple[Path, str]:
    path = folder / f"prices.{chance.choice(['csv', 'parquet', 'xlsx', 'csv.gz', 'json', 'zip'])}"
    what = chance.choice(
        ["pipe", "folder", "endless", "empty device", "dangling", "loop", "absent"]
    )
    match what:
        case "pipe":
            os.mkfifo(path)
        case "folder":
            path.mkdir()
        case "endless":
            path.symlink_to("/dev/zero")
        case "empty device":
            path.symlink_to(os.devnull)
        case "dangling":
            path.symlink_to(folder / "nowhere")
        case "loop":
            path.symlink_to(path)
    return path, f"{what} as {path.suffix}"


WAYS: dict[Mangle, int] = {
    bytes_changed: 30,
    encoded: 8,
    gigantic: 8,
    many_columns: 4,
    odd_names: 8,
    at_the_edges: 12,
    next_to_nothing: 10,
    container_broken: 16,
    parquet_odd: 16,
    no_file: 8,
}


def study_of(path: Path, folder: Path) -> Path:
    """A study file on a price file."""
    study = folder / "study.toml"
    space = "epochs = 1\nneurons = 2\nlayers = 1\nwindow = 3\noutput_shift = 1\n"
    study.write_text(f"[data]\npath = {json.dumps(path.name)}\n[space]\n{space}", encoding="utf-8")
    return study
