"""Tables for other programs, by the ending of their name; whole or absent."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rnnsearch.data.atomic import replace_file
from rnnsearch.errors import StudyFileError, shown

if TYPE_CHECKING:
    import pandas as pd

ENDINGS = (".csv", ".json", ".parquet")


def check_ending(path: Path, endings: Sequence[str] = ENDINGS) -> None:
    """Raise StudyFileError where a table cannot be written under this name."""
    if path.suffix.lower() not in endings:
        *most, last = endings
        raise StudyFileError(
            f"--export: it is written as {', '.join(most)} or {last}, got {shown(path.name)}; "
            "change the ending"
        )


def write_table(frame: "pd.DataFrame", path: Path, *, index: bool = False) -> None:
    """Write a table; `index`: with its row labels, which JSON has no place for.

    Raises StudyFileError for another ending, StorageError where it cannot be written.
    """
    check_ending(path)
    match path.suffix.lower():
        case ".csv":
            replace_file(path, lambda file: frame.to_csv(file, index=index))
        case ".json":
            replace_file(path, lambda file: frame.to_json(file, orient="records", indent=1))
        case _:
            replace_file(path, lambda file: frame.to_parquet(file, index=index))
