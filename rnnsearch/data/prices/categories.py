"""Text columns with few values, as one column of 0 and 1 for each of them.

A column is made for every value of the file, in the order in which they appear, so that a later
value adds a column and changes none. Which of them a trial may use is decided on training rows:
there the column of a value that has not appeared yet is constant, and constant inputs are left out.
"""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from rnnsearch.arrays import Floats
from rnnsearch.data.files.numbers import absent_rows

MOST = 12  # values of a column that nobody named
MOST_NAMED = 50  # of one that the study file names
ROWS_EACH = 10  # rows per value, so that it is a state and not a remark
SHOWN = 40  # characters of a value in the name of its input


def words_of(column: pd.Series) -> pd.Series | None:
    """A column as trimmed words, None where a row has none; None for a column that is no text."""
    kind = column.dtype
    text = pd.api.types.is_object_dtype(kind) or pd.api.types.is_string_dtype(kind)
    if not (text or isinstance(kind, pd.CategoricalDtype)):
        return None
    if not column.dropna().map(lambda value: isinstance(value, str)).all():
        return None
    words = column.astype("str").str.strip()
    return words.astype(object).where(~absent_rows(column), None)


def levels(words: pd.Series) -> list[str]:
    """The values in the order in which they appear."""
    return [str(word) for word in words.dropna().unique()]


def are_states(words: pd.Series) -> bool:
    """Whether the values are few, frequent, and come back: no remarks, no parts of the file."""
    few = levels(words)
    if not 2 <= len(few) <= MOST or len(words) < ROWS_EACH * len(few):
        return False
    known = words.dropna()
    return int((known != known.shift()).sum()) > len(few)


def indicator_columns(
    name: str, words: pd.Series, taken: Iterable[str]
) -> dict[str, tuple[str, Floats]]:
    """Input name -> its value in the file and (rows,) 1.0 where the row has it, else 0.0.

    A name that is `taken` already is left out: the file has that column itself.
    """
    taken = set(taken)
    columns = {}
    for level in levels(words):
        called = level_name(name, level)
        if called not in taken:
            columns[called] = level, (words == level).to_numpy().astype(np.float64)
            taken.add(called)
    return columns


def level_name(name: str, level: str) -> str:
    return f"{name}_{level[:SHOWN]}"
