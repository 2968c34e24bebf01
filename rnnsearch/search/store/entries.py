"""One forecast of the journal, as it is kept: what was said, and what came.

`journal` has the table. Here is what of it can be read without a storage, also by `damage`.
"""

import json
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Self

from pydantic import ConfigDict, TypeAdapter

from rnnsearch.config import digest

JOURNAL = "rnnsearch_forecasts"
"""The table of forecasts."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a file of prices says came of a forecast.

    date    of the target's row
    start   price at the origin, as that file has it
    price   price at the target
    actual  the same in the target's unit, counted from the price that was forecast from
    """

    date: str
    start: float
    price: float
    actual: float


@dataclass(frozen=True, kw_only=True)
class Said:
    """What is written down when a forecast is made, and never changed.

    made      when, in UTC
    late      why it does not count: its outcome may have been known; "" where it counts
    champion  identity of the evaluated champion; `version` is that of the weights in use
    target    the date that was forecast; None where nothing told it
    data      hash of the prices
    start     price at the origin
    forecast, low, high, naive  in the target's unit; low and high are None without an interval
    usual     what a usual move over one session was, in the same unit; of what says nothing about
              the price, its standard deviation; None of one half
    """

    made: str
    late: str
    champion: str
    trial: int
    trained_last: str
    target: str | None
    data: str
    predict: str
    level: float
    start: float
    forecast: float
    low: float | None
    high: float | None
    usual: float | None
    naive: dict[str, list[float]] = field(default_factory=dict)

    __pydantic_config__ = ConfigDict(extra="forbid")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A forecast made by the weights `version` from `origin`, `ahead` sessions ahead."""

    version: str
    origin: str
    ahead: int
    said: Said
    outcome: Outcome | None = None

    @property
    def key(self) -> tuple[str, str, int]:
        """Equal for what is the same forecast, however often it is made."""
        return self.version, self.origin, self.ahead

    def with_outcome(self, outcome: Outcome) -> Self:
        return replace(self, outcome=outcome)

    def columns(self) -> dict[str, Any]:
        """What the table holds of it; the outcome is None before it is known."""
        known = None if self.outcome is None else self._sealed(asdict(self.outcome))
        return {
            "version": self.version,
            "origin": self.origin,
            "ahead": self.ahead,
            "said": self._sealed(asdict(self.said)),
            "outcome": known,
        }

    @classmethod
    def from_columns(
        cls, version: str, origin: str, ahead: int, said: str, outcome: str | None
    ) -> Self:
        """Raises ValueError for what `columns` cannot have made."""
        entry = cls(
            version=version,
            origin=origin,
            ahead=int(ahead),
            said=_SAID.validate_python(_opened(said, version, origin, ahead)),
        )
        if outcome is None:
            return entry
        return entry.with_outcome(_OUTCOME.validate_python(_opened(outcome, *entry.key)))

    def _sealed(self, facts: dict[str, Any]) -> str:
        return json.dumps(facts | {"digest": digest(*self.key, facts)}, allow_nan=False)


_SAID, _OUTCOME = TypeAdapter(Said), TypeAdapter(Outcome)


def _opened(text: str, *key: Any) -> dict[str, Any]:
    facts = json.loads(text)
    if not isinstance(facts, dict):
        raise ValueError("it is not what was written")
    seal = facts.pop("digest", None)
    if seal != digest(*key, facts):
        raise ValueError("it is not what was written")
    return facts
