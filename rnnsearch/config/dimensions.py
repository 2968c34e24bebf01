"""One parameter of the space, written in one of three ways:

window = 20                                  fixed
window = [10, 20, 40]                        choices
window = { low = 5, high = 60, log = true }  a range, both ends included
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    model_validator,
)

from rnnsearch.errors import shown

MOST = 1_000_000
"""Sessions, samples or epochs: more than that is a slip of the pen."""


class Section(BaseModel):
    """A table of the study file: frozen, and no key that we do not know."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


@dataclass(frozen=True)
class Drawn:
    """Beside its field, all that is to be known of a parameter that trials draw.

    `reference` is its value in the trials that are tried before sampling, `also` what other
    programs call it. `alone` says that its value in a trial is what is drawn under its name; the
    others are combined first (`search.space.suggesting`).
    """

    reference: Any
    also: str = ""
    alone: bool = True


def drawn(section: type[Section]) -> Mapping[str, Drawn]:
    """The parameters of a section, in the order in which they are drawn."""
    return {
        name: mark
        for name, field in section.model_fields.items()
        for mark in field.metadata
        if isinstance(mark, Drawn)
    }


class IntRange(Section):
    """Whole numbers from `low` to `high`, both included."""

    low: int
    high: int
    log: bool = False
    step: int = Field(default=1, ge=1, le=MOST)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        _check_range(self.low, self.high, self.log, self.step != 1)
        return self


class FloatRange(Section):
    """Numbers from `low` to `high`, both included; in steps of `step` where it is given."""

    low: float
    high: float
    log: bool = False
    step: float | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        _check_range(self.low, self.high, self.log, self.step is not None)
        if self.step is not None and self.high - self.low > MOST * self.step:
            raise ValueError(
                f"a range has at most {MOST} steps, but a step of {self.step} makes more; leave "
                "step out"
            )
        return self


class LengthRange(Section):
    """Lengths of an indicator from `low` to `high`, both included."""

    low: int
    high: int

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        _check_range(self.low, self.high, False, False)
        return self


def _check_range(low: float, high: float, log: bool, stepped: bool) -> None:
    if low > high:
        raise ValueError(f"low must not exceed high, but {low} > {high}")
    if log and low <= 0:
        raise ValueError(f"a log range must start above 0, but low is {low}")
    if log and stepped:
        raise ValueError("a log range takes no step; remove log or step")


def _kind(value: object) -> str:
    """Which of the three ways a parameter is written in, so that its errors speak of that one."""
    if isinstance(value, dict | IntRange | FloatRange | LengthRange):
        return "range"
    return "choices" if isinstance(value, list | tuple) else "value"


def _choices(values: tuple[Any, ...]) -> tuple[Any, ...]:
    if not values:
        raise ValueError("a list of choices needs at least one value")
    if len(set(values)) < len(values):
        raise ValueError(f"choices must differ, got {shown([*values])}")
    return values


def bounds(
    low: float, high: float | None = None, *, why: str = "", below: float | None = None
) -> AfterValidator:
    """Every value of a parameter lies in low..high (or strictly under `below`)."""

    def check(value: Any) -> Any:
        for number in extremes(value):
            if number < low:
                raise ValueError(f"must be at least {low}, got {number}{why}")
            if high is not None and number > high:
                raise ValueError(f"must be at most {high}, got {number}")
            if below is not None and number >= below:
                raise ValueError(f"must be under {below}, got {number}")
        return value

    return AfterValidator(check)


def extremes(dimension: Any) -> tuple[Any, ...]:
    """The values a parameter can take, or for a range its two ends."""
    if isinstance(dimension, IntRange | FloatRange | LengthRange):
        return (dimension.low, dimension.high)
    return dimension if isinstance(dimension, tuple) else (dimension,)


IntDimension = Annotated[
    Annotated[int, Tag("value")]
    | Annotated[tuple[int, ...], AfterValidator(_choices), Tag("choices")]
    | Annotated[IntRange, Tag("range")],
    Discriminator(_kind),
]
LengthDimension = Annotated[
    Annotated[int, Tag("value")]
    | Annotated[tuple[int, ...], AfterValidator(_choices), Tag("choices")]
    | Annotated[LengthRange, Tag("range")],
    Discriminator(_kind),
]
FloatDimension = Annotated[
    Annotated[float, Tag("value")]
    | Annotated[tuple[float, ...], AfterValidator(_choices), Tag("choices")]
    | Annotated[FloatRange, Tag("range")],
    Discriminator(_kind),
]
Word = TypeVar("Word")
WordDimension = Annotated[
    Annotated[Word, Tag("value")]
    | Annotated[tuple[Word, ...], AfterValidator(_choices), Tag("choices")],
    Discriminator(_kind),
]
