"""What a file is, by its first bytes, and what packed files hold.

Endings lie (a `.xls` of many exchanges is HTML, a `.csv` may be gzip), so only the content counts.
"""

import bz2
import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from rnnsearch.errors import DataError

LARGEST = 2**30  # bytes that a packed file may unpack to: a small one can hold a disk of zeros
CHUNK = 2**20

Source = Path | bytes  # a file, or what was unpacked from one

PACKED: tuple[tuple[bytes, Callable[[IO[bytes]], Any]], ...] = (
    (b"\x1f\x8b", gzip.open),
    (b"BZh", bz2.open),
    (b"\xfd7zXZ\x00", lzma.open),
)
ZIP = b"PK\x03\x04"
TABLES = {"workbook": (ZIP,), "Parquet": (b"PAR1",), "Arrow": (b"ARROW1",)}
# What is told apart only so that the remedy fits.
FOREIGN = (
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook (.xls)", "save it as .xlsx or CSV"),
    (b"PK\x05\x06", "a zip that holds nothing", "pack the prices again"),
    (b"7z\xbc\xaf", "a 7z archive", "unpack it, and give the file inside"),
    (b"Rar!", "a RAR archive", "unpack it, and give the file inside"),
    (b"\x28\xb5\x2f\xfd", "a zstd archive", "unpack it, and give the file inside"),
    (b"SQLite format 3", "an SQLite database", "export its table of prices as CSV"),
    (b"\x89HDF", "an HDF5 file", "write its table as Parquet or CSV"),
    (b"%PDF", "a PDF document", "get the prices as CSV"),
    (b"\x80\x04", "a pickle, which could run anything", "write its table as Parquet or CSV"),
    (b"\x80\x05", "a pickle, which could run anything", "write its table as Parquet or CSV"),
)


def opened(source: Source) -> IO[bytes]:
    return io.BytesIO(source) if isinstance(source, bytes) else source.open("rb")


def kind_of(source: Source, file: str) -> str:
    """`workbook`, `Parquet`, `Arrow`, or `text`. Raises DataError for what is no table."""
    with opened(source) as stream:
        start = stream.read(4096)
    for magic, what, remedy in FOREIGN:
        if start.startswith(magic):
            raise DataError(f"{file}: is {what}; {remedy}.")
    page = start.lstrip(b"\xef\xbb\xbf \t\r\n")[:200].lower()
    if page.startswith((b"<!doctype html", b"<html", b"<table", b"<?xml", b"<head", b"<meta")):
        raise DataError(
            f"{file}: is a web page or XML, whatever its name; open it in a spreadsheet and save "
            f"it as CSV or .xlsx."
        )
    kinds = (kind for kind, magics in TABLES.items() if start.startswith(magics))
    return next(kinds, "text")


def unpacked(path: Path) -> Source:
    """The file itself, or what a gzip, bzip2 or xz file, or a zip of one file, holds.

    A workbook is a zip too, and stays one. Raises DataError for a zip of several files and for one
    that is damaged, locked with a password, or larger than `LARGEST` unpacked.
    """
    source: Source = path
    for _ in range(2):  # a .csv.gz in a .zip
        with opened(source) as stream:
            start = stream.read(8)
        try:
            if start.startswith(ZIP):
                member = _only_member(source, path.name)
                if member is None:
                    return source
                with opened(source) as stream, zipfile.ZipFile(stream) as archive:
                    source = _limited(archive.open(member), path.name)
                continue
            packer = next((one for magic, one in PACKED if start.startswith(magic)), None)
            if packer is None:
                return source
            with opened(source) as stream, packer(stream) as inner:
                source = _limited(inner, path.name)
        except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise
            raise DataError(
                f"{path.name}: is packed and damaged: {error}; get it again, or unpack it."
            ) from None
        except (RuntimeError, NotImplementedError, ValueError) as error:  # a password; another way
            raise DataError(
                f"{path.name}: cannot be unpacked: {error}; unpack it, and give the file inside."
            ) from None
        if not source:
            raise DataError(f"{path.name}: the file inside is empty; it needs a header and rows.")
    return source


def _only_member(source: Source, file: str) -> str | None:
    """The one file of a zip; None for a workbook."""
    with opened(source) as stream, zipfile.ZipFile(stream) as archive:
        names = archive.namelist()
    if "[Content_Types].xml" in names and any(name.startswith("xl/") for name in names):
        return None
    files = [
        name
        for name in names
        if not name.startswith("__MACOSX") and name.rpartition("/")[2][:1] not in ("", ".")
    ]
    if len(files) != 1:
        shown = ", ".join(files[:3])[:150] + (", ..." if len(files) > 3 else "")
        raise DataError(
            f"{file}: a zip is read where it holds one file, but this holds {len(files)}"
            f"{f' ({shown})' if files else ''}; unpack it, and give the one with the prices."
        )
    return files[0]


def _limited(stream: IO[bytes], file: str) -> bytes:
    with stream:
        content = stream.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise DataError(
            f"{file}: unpacks to more than {LARGEST / 2**30:g} GiB; unpack it, and keep the rows "
            f"and columns of one series."
        )
    return content
