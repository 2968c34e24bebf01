"""Arguments of Python that the command line would have checked; errors as of its flags."""

import math
import re
from numbers import Integral, Real
from pathlib import Path
from typing import Any

from rnnsearch.errors import DataError, StudyFileError, shown


def path_of(value: Any, place: str, hint: str = "") -> Path:
    """A file by its path. Raises StudyFileError."""
    if isinstance(value, str | Path):
        return Path(value)
    told = f"; {hint}" if hint else ""
    raise StudyFileError(
        f"{place}: should be the path of a file, got a {type(value).__name__}{told}"
    )


def at_least(place: str, name: str, value: Any, low: int) -> None:
    """Raise StudyFileError where `value` is not a whole number from `low` on."""
    if not isinstance(value, Integral) or isinstance(value, bool) or int(value) < low:
        raise StudyFileError(
            f"{place}: {name} should be a whole number from {low} on, got {shown(value)}"
        )


def between(place: str, name: str, value: Any, low: float, high: float) -> None:
    """Raise StudyFileError where `value` is no number from `low` to `high`."""
    number = float(value) if isinstance(value, Real) and not isinstance(value, bool) else math.nan
    if not low <= number <= high:
        raise StudyFileError(
            f"{place}: {name} should be from {low:g} to {high:g}, got {shown(value)}"
        )


FLAG = re.compile(r"--([a-z]+(?:-[a-z]+)*) (\S+) of init")


def in_python(error: DataError) -> DataError:
    """The same error, where it names a flag of `init` with the argument that it is in Python."""
    told = FLAG.sub(
        lambda found: f"{found[1].replace('-', '_')}={found[2]!r} of Study.from_csv", str(error)
    )
    error.args = (told, *error.args[1:])
    return error
