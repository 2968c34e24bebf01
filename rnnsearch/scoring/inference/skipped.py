"""A result that cannot be had, and why."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Skipped:
    """Stands where a result would: the test or baseline does not apply to this data.

    `reason` is plain English without a full stop, such as "needs 20 rows, has 12".
    """

    reason: str
