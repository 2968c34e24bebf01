"""Arguments of Python that the command line would have checked; errors as of its flags."""

import math
from numbers import Integral, Real
from pathlib import Path
from typing import Any

from rnnsearch.errors import StudyFileError, shown


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
