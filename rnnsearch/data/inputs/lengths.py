"""Indicators at other lengths than their own: `momentum_rsi_9` is `momentum_rsi` over 9 sessions.

The length of an indicator is its longest window. Its other windows keep their proportion to it:
MACD (26, 12, 9) at length 52 is MACD (52, 24, 18). Smoothing over three values stays as it is.

Which class of `ta` makes a column, and with which windows, is not written down here: the functions
of `ta` that make all columns are run once on recorders instead of prices.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from inspect import signature
from types import FunctionType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rnnsearch.data.inputs.indicators import (
    InputSpec,
    UnitFree,
    catalogue,
    compute_indicators,
    kst,
    vortex,
    whole_bars,
)
from rnnsearch.errors import StudyFileError, shown

if TYPE_CHECKING:
    import pandas as pd

    from rnnsearch.config import LengthRange

SHORTEST, LONGEST = 2, 1000
SLACK = 3  # rows that rounding each window to whole sessions may cost

_WINDOW = re.compile(r"window\d*|window_(slow|fast|sign)|roc\d|nsig|cycle|lbp")
# Ichimoku is given three windows for every line, whatever the line is made of; em uses none.
_ONLY = {
    "trend_ichimoku_conv": ("window1",),
    "trend_ichimoku_base": ("window2",),
    "trend_ichimoku_a": ("window1", "window2"),
    "trend_ichimoku_b": ("window3",),
    "trend_visual_ichimoku_a": ("window1", "window2"),
    "volume_em": (),
}
_NAME = re.compile(r"(?P<base>[a-z_0-9]*[a-z])_(?P<length>[1-9]\d{0,3})")


@dataclass(frozen=True)
class Recipe:
    """How `ta` makes a column: `getattr(kind(**prices, **settings), method)()`.

    prices    what each argument of prices is: {"close": "Close"}
    settings  the other arguments
    windows   those of them that are windows, in sessions
    """

    kind: type
    method: str
    prices: Mapping[str, str]
    settings: Mapping[str, Any]
    windows: tuple[str, ...]

    @property
    def length(self) -> int:
        return max(int(self.settings[name]) for name in self.windows)

    def at(self, length: int) -> Recipe:
        """The same over `length` sessions, each window to whole sessions, at least one."""
        ratio = length / self.length
        scaled = {
            name: max(math.floor(self.settings[name] * ratio + 0.5), 1) for name in self.windows
        }
        return replace(self, settings=dict(self.settings) | scaled)


@cache
def recipes() -> Mapping[str, Recipe]:
    """The recipe of every indicator that has a length, by its name."""
    import ta

    made: dict[str, Recipe] = {}
    prices = {name.lower(): name for name in ("High", "Low", "Close", "Volume")}
    for function in (ta.add_volume_ta, ta.add_volatility_ta, ta.add_trend_ta, ta.add_momentum_ta):
        assert isinstance(function, FunctionType)
        kinds = {
            name: _recorder(kind) for name, kind in function.__globals__.items() if _is_kind(kind)
        }
        record = FunctionType(
            function.__code__, function.__globals__ | kinds, "record", function.__defaults__
        )
        needed = record.__code__.co_varnames[1 : record.__code__.co_argcount]
        table = _Record()
        record(table, **{name: prices[name] for name in needed if name in prices})
        made |= table.made
    own = {spec.name for spec in catalogue()}
    chosen = {
        name: replace(recipe, windows=_ONLY.get(name, recipe.windows))
        for name, recipe in made.items()
        if name in own
    }
    return {name: recipe for name, recipe in chosen.items() if recipe.windows}


class _Record(dict[str, Any]):
    """A table whose columns are their names, and which remembers what is put into it."""

    def __init__(self) -> None:
        super().__init__()
        self.made: dict[str, Recipe] = {}

    def __getitem__(self, name: str) -> str:
        return name

    def __setitem__(self, name: str, recipe: Recipe) -> None:
        self.made[name] = recipe


def _is_kind(value: object) -> bool:
    import ta

    return isinstance(value, type) and issubclass(value, ta.utils.IndicatorMixin)


def _recorder(kind: type) -> Callable[..., Any]:
    """A stand-in for a class of ta: its methods return recipes."""

    class Recorder:
        def __init__(self, **arguments: Any) -> None:
            arguments.pop("fillna")
            self._prices = {k: v for k, v in arguments.items() if k == str(v).lower()}
            usual = {k: p.default for k, p in signature(kind).parameters.items()}
            self._settings = {
                name: arguments.get(name, value)
                for name, value in usual.items()
                if name not in self._prices and name != "fillna"
            }

        def __getattr__(self, method: str) -> Callable[[], Recipe]:
            windows = tuple(name for name in self._settings if _WINDOW.fullmatch(name))
            return lambda: Recipe(kind, method, self._prices, self._settings, windows)

    return Recorder


# --- values --------------------------------------------------------------------------------------


def compute_named(frame: pd.DataFrame, names: Iterable[str]) -> dict[str, NDArray[np.float64]]:
    """The named indicators, as `compute_indicators` makes them, also those with a length."""
    names = list(names)
    own = {spec.name for spec in catalogue()}
    columns = compute_indicators(frame, [name for name in names if name in own])
    if len(columns) < len(names):
        bars = whole_bars(frame)
        forms, made = UnitFree(bars), _Made(bars)
        for name in names:
            if name not in own and (spec := named(name)) and (found := parse(name)):
                columns[name] = forms(found[0], made.column(*found), spec.warmup)
    return {name: columns[name] for name in names}


class _Made:
    """Columns of `ta` at any length; what several columns are made from is made once."""

    def __init__(self, bars: pd.DataFrame) -> None:
        self._bars = bars
        self._made: dict[tuple[Any, ...], Any] = {}

    def column(self, name: str, length: int) -> pd.Series:
        recipe = recipes()[name].at(length)
        key = (recipe.kind, *sorted(recipe.settings.items()))
        if key not in self._made:
            with np.errstate(divide="ignore", invalid="ignore"):
                self._made[key] = self._make(name, recipe)
        made = self._made[key]
        if isinstance(made, dict):
            column: pd.Series = made[name]
            return column
        with np.errstate(divide="ignore", invalid="ignore"):
            column = getattr(made, recipe.method)()
        return column

    def _make(self, name: str, recipe: Recipe) -> Any:
        """An object of ta's, or the columns by name where `indicators` departs from ta."""
        windows = recipe.settings
        if name.startswith("trend_kst"):
            changes, means = (
                [windows[f"{word}{n}"] for n in range(1, 5)] for word in ("roc", "window")
            )
            return kst(self._bars["Close"], changes, means, windows["nsig"])
        if name.startswith("trend_vortex"):
            return vortex(self._bars, windows["window"])
        prices = {argument: self._bars[column] for argument, column in recipe.prices.items()}
        return recipe.kind(**prices, **windows, fillna=False)


# --- names ---------------------------------------------------------------------------------------


def parse(name: str) -> tuple[str, int] | None:
    """The indicator and the length that a name like momentum_rsi_9 says, or None."""
    match = _NAME.fullmatch(name)
    if match is None or match["base"] not in recipes():
        return None
    return match["base"], int(match["length"])


def spec_at(spec: InputSpec, length: int) -> InputSpec:
    """What an indicator is at another length; at its own length it is what it was.

    Its warm-up is never counted too short: at a shorter length it is that of its own.
    """
    own = recipes()[spec.name].length
    if length == own:
        return spec
    longer = math.ceil((spec.warmup + 1) * length / own) + SLACK
    return replace(
        spec,
        name=f"{spec.name}_{length}",
        warmup=longer if length > own else spec.warmup,
        source=f"{spec.source}, over {length} sessions",
    )


def named(name: str) -> InputSpec | None:
    """The specification of an indicator by its name, with a length or without."""
    specs = {spec.name: spec for spec in catalogue()}
    if name in specs:
        return specs[name]
    found = parse(name)
    if found is None or not SHORTEST <= found[1] <= LONGEST:
        return None
    spec = spec_at(specs[found[0]], found[1])
    return spec if spec.name == name else None


def with_lengths(
    wanted: Sequence[InputSpec],
    lengths: str | Mapping[str, int | tuple[int, ...] | LengthRange],
    place: str,
) -> list[InputSpec]:
    """The `wanted` inputs, and the indicators at the lengths that `[inputs] lengths` says.

    "auto" gives every wanted indicator half and twice its own length, too. A family in `lengths`
    means its wanted indicators; an indicator named there is there at these lengths in any case.
    Raises StudyFileError for a name that has no length.
    """
    have = {spec.name: spec for spec in wanted}
    known = {spec.name: spec for spec in catalogue()}
    chosen: dict[str, tuple[int, ...]] = {}
    if isinstance(lengths, str):
        for name in filter(recipes().__contains__, have):
            own = recipes()[name].length
            chosen[name] = (max(own // 2, SHORTEST), 2 * own)
        lengths = {}
    families = {known[name].family for name in recipes()}
    for name in sorted(lengths, key=lambda name: name not in families):  # names win over families
        if name in families:
            members = [one for one in have if one in recipes() and known[one].family == name]
        elif name in recipes():
            members = [name]
        else:
            raise StudyFileError(_no_length(name, known, families, place))
        chosen |= dict.fromkeys(members, sampled(lengths[name]))
    more = [spec_at(known[name], length) for name in known for length in chosen.get(name, ())]
    return [*wanted, *(spec for spec in dict.fromkeys(more) if spec.name not in have)]


def sampled(lengths: int | tuple[int, ...] | LengthRange) -> tuple[int, ...]:
    """The lengths that a setting means.

    Numbers are themselves. A range is both its ends and, between them, as few as leave no length
    more than twice the one before: lengths that lie closer say nearly the same.
    """
    if isinstance(lengths, int):
        return (lengths,)
    if isinstance(lengths, tuple):
        return lengths
    low, high = lengths.low, lengths.high
    steps = max(math.ceil(math.log2(high / low)), 1)
    return tuple(dict.fromkeys(round(low * (high / low) ** (n / steps)) for n in range(steps + 1)))


def _no_length(
    name: str, known: Mapping[str, InputSpec], families: Iterable[str], place: str
) -> str:
    from difflib import get_close_matches

    start = f"{place} lengths: "
    if (found := parse(name)) is not None:
        return f"{start}{name} has its length in its name; write {found[0]} = {found[1]}"
    if name in known:
        return f"{start}{name} has no window whose length could be changed; leave it out"
    parts = sorted((one for one in recipes() if name.lower() in one), key=len)[:3]
    near = parts or get_close_matches(name, [*families, *recipes()], n=1, cutoff=0.6)
    hint = f"did you mean {' or '.join(near)}?" if near else f"families: {', '.join(families)}"
    return f"{start}there is no indicator {shown(name)}; {hint}"
