"""Numbers as files have them: 1.234,56 and $1,234.56, 2.25M and 1.08%."""

import re

import numpy as np
import pandas as pd
from numpy.typing import NDArray

# how files write that there was no trade, or that a value is not known
ABSENT = r"|-+|–+|—+|\.+|#?[Nn]/?[Aa]|(?i:null|none|nan|nil)|無|无"
SUFFIXES = {"": 1.0, "%": 1.0, "K": 1e3, "M": 1e6, "B": 1e9}
NUMBER = (
    r"(?P<sign>[-+]?)(?:NT\$|US\$|[$€£¥])?\s?(?P<digits>\d[\d.,'’\s]*|[.,]\d+)"
    r"(?P<suffix>[KMB%]?)\s?[€]?"
)
GROUPS = "'’\\s"  # stand between thousands wherever one is
# What only a number with this decimal mark looks like: 1.234,5 or 12,5 or 1.234.567
EVIDENCE = r"\d{{1,3}}(?:[{other}{groups}]\d{{3}})+{mark}\d+|\d*{mark}(?:\d{{1,2}}|\d{{4,}})"
GROUPED = r"\d{{1,3}}(?:{other}\d{{3}}){{2,}}"
WRITTEN = r"(?:\d+|\d{{1,3}}(?:[{other}{groups}]\d{{3}})+)(?:{mark}\d*)?|{mark}\d+"


def parse_numbers(column: pd.Series) -> tuple[NDArray[np.float64], int | None]:
    """A column as float64 (NaN where missing), and its first row (0-based) that is no number."""
    kind = column.dtype
    if pd.api.types.is_numeric_dtype(kind) and not pd.api.types.is_complex_dtype(kind):
        return column.to_numpy(dtype=np.float64, na_value=np.nan), None
    if not (pd.api.types.is_object_dtype(kind) or pd.api.types.is_string_dtype(kind)):
        return np.full(len(column), np.nan), 0 if len(column) else None
    try:
        values = pd.to_numeric(column, errors="coerce").to_numpy(np.float64, na_value=np.nan)
    except (TypeError, ValueError):  # lists, structures
        values = np.full(len(column), np.nan)
    unread = np.isnan(values) & column.notna().to_numpy()
    if unread.any():
        unread &= ~absent_rows(column)
    wrong = np.flatnonzero(unread)
    return values, int(wrong[0]) if len(wrong) else None


def absent_rows(column: pd.Series) -> NDArray[np.bool_]:
    """(rows,) whether a row has no value, or a sign for none: `null`, `--`, `.`, blanks."""
    text = column.astype("str").str.strip()
    rows: NDArray[np.bool_] = (column.isna() | text.str.fullmatch(ABSENT)).to_numpy(bool)
    return rows


def words_as_gaps(column: pd.Series) -> tuple[pd.Series, str]:
    """Prices with what is no number, and has no digit, as missing; and the first such word.

    A column in which words are more than numbers is returned as it is.
    """
    if not (pd.api.types.is_object_dtype(column.dtype) or pd.api.types.is_string_dtype(column)):
        return column, ""
    text = column.astype("str").str.strip()
    digits = text.str.contains(r"\d", na=False).to_numpy(bool)
    words = ~digits & ~absent_rows(column)
    if not words.any() or digits.sum() <= words.sum():
        return column, ""
    return column.mask(words), str(text.iloc[int(np.argmax(words))])


def is_absent(column: pd.Series) -> bool:
    """Whether no row has a value."""
    return bool(absent_rows(column).all())


def is_dressed(column: pd.Series) -> bool:
    """Whether a column of text has numbers that are written in more than digits and a point."""
    text = column.dropna().astype("str").str.strip()
    dressed = text.str.fullmatch(NUMBER) & pd.to_numeric(text, errors="coerce").isna()
    return bool(dressed.any())


def undress(table: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Columns of text as numbers, those of which every value is one; and how they were read.

    The decimal mark is that of the whole table. Where no value tells it (1,234 may be either), or
    two values contradict each other, the table is returned as it is.
    """
    text = {name: table[name].str.strip() for name in table}
    parts = {name: column.str.extract(f"^{NUMBER}$") for name, column in text.items()}
    digits = pd.concat([part["digits"].str.strip() for part in parts.values()]).dropna().unique()
    marks = [mark for mark in ".," if _tells(pd.Series(digits), mark)]
    if len(marks) != 1:
        return table, []
    (mark,) = marks
    written = WRITTEN.format(other=_other(mark), mark=re.escape(mark), groups=GROUPS)
    read = table.copy()
    examples: dict[str, str] = {}  # of each suffix
    for name, column in text.items():
        absent = column.isna() | column.str.fullmatch(ABSENT).fillna(False)
        whole = parts[name]["digits"].str.strip()
        if absent.all() or not (absent | whole.str.fullmatch(written).fillna(False)).all():
            continue
        sign, suffix = parts[name]["sign"].str.replace("+", ""), parts[name]["suffix"]
        plain = whole.str.replace(rf"[{_other(mark)}{GROUPS}]", "", regex=True)
        values = pd.to_numeric(sign + plain.str.replace(mark, "."), errors="coerce")
        read[name] = values * suffix.map(SUFFIXES)
        odd = ~absent & pd.to_numeric(column, errors="coerce").isna()
        for row in suffix[odd].drop_duplicates().index:
            examples.setdefault(suffix[row], f"{column[row]} is {read[name][row]:.15g}")
    return read, [f"numbers are read so: {', '.join(examples.values())}"] if examples else []


def _tells(digits: pd.Series, mark: str) -> bool:
    """Whether any number has this decimal mark for certain."""
    alone = EVIDENCE.format(other=_other(mark), mark=re.escape(mark), groups=GROUPS)
    grouped = GROUPED.format(other=_other(mark))
    return bool(digits.str.fullmatch(f"{alone}|{grouped}").any())


def _other(mark: str) -> str:
    return "," if mark == "." else "\\."
