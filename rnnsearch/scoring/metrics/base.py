"""What a metric is, what it is asked, and how its value is shown.

m  rows of a block: validation rows of a fold or of all, or the locked test
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rnnsearch.arrays import Floats
from rnnsearch.language import _, marked
from rnnsearch.scoring.quantiles import Fan
from rnnsearch.shown import formatted
from rnnsearch.targets import Target

Bools: TypeAlias = NDArray[np.bool_]


@dataclass(frozen=True)
class Unit:
    """What a value is counted in: how it is said, and how it is written.

    name   follows "in", "the unit of the target"; empty where there is nothing to say
    times  what the value is multiplied by where it is shown
    sign   what follows it there
    """

    name: str = ""
    times: float = 1
    sign: str = ""


NUMBER = Unit()
TARGET = Unit(marked("the unit of the target"))
PRICE = Unit(marked("the unit of the price"))
SHARE = Unit(times=100, sign=" %")
"""0 to 1, shown in percent."""
PERCENT = Unit(sign=" %")


@dataclass(frozen=True, eq=False)
class Pair:
    """What came and what was forecast, and what doing nothing said, on one scale; (m,) each."""

    actual: Floats
    forecast: Floats
    hardest: Floats


@dataclass(frozen=True, eq=False, kw_only=True)
class Scored:
    """A forecast of some rows, and what it is held to; (m,) each, finite, m >= 1.

    actual    what came, in the target's unit
    forecast  what was forecast, in the same
    naive     the naive forecasts by name; the first is no change, or the base rate
    hardest   the naive forecast that this one is held to
    origin    the price when the forecast was made
    target    what kind of thing is forecast
    moved     mean absolute move of the price over as many sessions, before these rows; NaN where
              there are none
    fan       the quantiles that were forecast; None where only a point was
    """

    actual: Floats
    forecast: Floats
    naive: Mapping[str, Floats]
    hardest: Floats
    origin: Floats
    target: Target
    moved: float = math.nan
    fan: Fan | None = None

    @property
    def first_naive(self) -> Floats:
        return next(iter(self.naive.values()))

    @cached_property
    def middle(self) -> Floats:
        """Where a forecast says neither up nor down: a rise is what lies above."""
        return self.target.reference(self.origin)

    @property
    def rose(self) -> Bools:
        return self.actual > self.middle

    @cached_property
    def prices(self) -> Pair:
        """The same as prices. Raises ValueError where the target says nothing about them."""
        return Pair(
            *(
                self.target.to_price(values, self.origin)
                for values in (self.actual, self.forecast, self.hardest)
            )
        )

    def of(self, forecast: Floats) -> "Scored":
        """Another forecast of the same rows: of points alone."""
        return replace(self, forecast=forecast, fan=None)


def always(target: Target) -> bool:
    """For `applies`: whatever is forecast."""
    return True


def priced(target: Target) -> bool:
    """For `applies`: where a forecast says something about the price."""
    return target.priced


def chance(target: Target) -> bool:
    """For `applies`: where a forecast is the chance of a rise."""
    return target.chance


def valued(target: Target) -> bool:
    """For `applies`: where a forecast is a value, and no chance."""
    return not target.chance


def directed(target: Target) -> bool:
    """For `applies`: where it makes sense to ask for directions."""
    return target.directed


def never(target: Target) -> bool:
    """For `applies`: where the value does not come from the rows of one block."""
    return False


@dataclass(frozen=True, eq=False, kw_only=True)
class Metric:
    """One measure of a forecast, under one name wherever it is told.

    key       in the store, `--json`, MLflow and study files: letters, digits and `_`
    label     what people read
    function  its value, from a `Scored`
    unit      what it is counted in
    format    how it is written, as Python's `format` has it
    better    "higher" or "lower"; "" where neither is
    meaning   in plain words, without a full stop
    applies   whether it is told of such a target; if not, it is not mentioned
    short     the label where columns are narrow, in lines of at most six characters
    narrow    the format there
    naive     whether trials tell it of their naive forecast too, as `naive_KEY`
    """

    key: str
    label: str
    function: Callable[[Scored], float]
    unit: Unit = NUMBER
    format: str = ".5g"
    better: Literal["higher", "lower", ""] = ""
    meaning: str = ""
    applies: Callable[[Target], bool] = always
    short: str = ""
    narrow: str = ""
    naive: bool = False

    def text(self, value: float | None) -> str:
        """A value as people read it: with its unit, and `–` where there is none."""
        if value is None or not math.isfinite(value):
            return "–"
        told = formatted(self.unit.times * value, self.format)
        return f"{told}{self.unit.sign}".replace("-", "−")

    def texts(self, values: Sequence[float | None]) -> list[str]:
        """The values of a column as people read them, with equal decimals."""
        known = [v for v in values if v is not None and math.isfinite(v)]
        digits = _DIGITS.fullmatch(self.format)
        if digits is None or not known:
            return [self.text(value) for value in values]
        written = iter(alike([self.unit.times * v for v in known], int(digits[1])))
        return [
            f"{next(written)}{self.unit.sign}" if v is not None and math.isfinite(v) else "–"
            for v in values
        ]

    def cell(self, value: float | None) -> str:
        """A value in a narrow column of plain text, whose heading has the unit."""
        if value is None or not math.isfinite(value):
            return "–"
        return formatted(self.unit.times * value, self.narrow or self.format).rstrip(".")

    def plain(self) -> dict[str, Any]:
        """What is needed to show its values, as JSON."""
        told = {name: getattr(self, name) for name in _TOLD}
        return told | {name: getattr(self.unit, place) for name, place in _OF_UNIT.items()}

    @classmethod
    def from_plain(cls, key: str, plain: Mapping[str, Any]) -> "Metric":
        """A metric that can be shown and not computed, from what `plain` gave, or from less."""
        told = {name: plain[name] for name in _TOLD if name in plain}
        unit = {place: plain[name] for name, place in _OF_UNIT.items() if name in plain}
        told.setdefault("label", key.replace("_", " "))
        return cls(key=key, unit=Unit(**unit), function=lambda _: math.nan, **told)

    @property
    def heading(self) -> str:
        """The label of a narrow column, in lines."""
        return _(self.short) if self.short else narrowed(_(self.label))

    @property
    def hint(self) -> str:
        """What it means, what it is counted in, and which way is better."""
        said = _(self.meaning)
        if self.meaning.endswith(plain := OF_NAIVE.removeprefix("{meaning}")):
            said = _(OF_NAIVE, meaning=_(self.meaning.removesuffix(plain)))
        if self.unit.name:
            said = _("{meaning}, in {unit}", meaning=said, unit=_(self.unit.name))
        return _(BETTER[self.better], meaning=said) if self.better and said else said


OF_NAIVE = marked("{meaning}, of the naive forecast")
BETTER = {
    "higher": marked("{meaning}; higher is better"),
    "lower": marked("{meaning}; lower is better"),
}
_DIGITS = re.compile(r"\.(\d)g")
MOST_DECIMALS = 8


def alike(values: Sequence[float], digits: int) -> list[str]:
    """Numbers of a column with equal decimals: so many digits of the largest, two of each, and no
    zeros at the end of all.

    >>> alike([0.5, 0.02838, 42.5], 4)
    ['0.500', '0.028', '42.500']
    >>> alike([2.0, 3.0], 4)
    ['2', '3']
    """
    sizes = [abs(value) for value in values if value] or [1.0]
    before = [math.floor(math.log10(size)) + 1 for size in (max(sizes), min(sizes))]
    wanted = max(digits - before[0], min(digits, 2) - before[1])
    decimals = min(max(wanted, 0), MOST_DECIMALS)
    written = [f"{value:.{decimals}f}".partition(".")[2] for value in values]
    decimals = max((len(after.rstrip("0")) for after in written), default=0)
    return [formatted(value, f",.{decimals}f").replace("-", "−") for value in values]


_TOLD = ("label", "format", "better", "meaning")
_OF_UNIT = {"unit": "name", "times": "times", "sign": "sign"}


def narrowed(label: str, width: int = 6) -> str:
    """A label in lines of at most `width` characters, a long word cut with a hyphen.

    >>> narrowed("no change"), narrowed("average")
    ('no\\nchange', 'aver-\\nage')
    """
    lines: list[str] = []
    for word in label.split():
        while len(word) > width:
            head = min(width - 1, len(word) - 3)  # three letters and more go to the next line
            lines.append(f"{word[:head]}-")
            word = word[head:]
        lines.append(word)
    return "\n".join(lines)
