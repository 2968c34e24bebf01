"""A result that cannot be had, and why."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Skipped:
    """Stands where a result would: the test or baseline does not apply to this data.

    `reason` is plain English without a full stop, such as "needs 20 rows, has 12".
    """

    reason: str


def result_of(plain: Mapping[str, Any], kind: type[T]) -> T | Skipped:
    """A result that was kept as JSON, or why there was none."""
    return Skipped(**plain) if "reason" in plain else kind(**plain)
