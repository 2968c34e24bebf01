"""One pair of axes: where values lie, and how they are told."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from rnnsearch.report.figures.paper.values import SMALL, TEXT, date, plain, roomy
from rnnsearch.report.figures.style import BLACK, GREY, GRID, decimals_of, is_in_percent

MARKS = 6
"""About how many an axis has."""


class Panel:
    """One pair of axes: where values lie, and how they are told."""

    def __init__(self, axes: Axes, x: Mapping[str, Any], y: Mapping[str, Any]) -> None:
        self.axes = axes
        self.x, self.y = _Axis(x), _Axis(y)
        axes.tick_params(labelsize=SMALL, colors=BLACK, length=2)
        axes.spines[["top", "right"]].set_visible(False)
        axes.spines[["left", "bottom"]].set_color(GREY)
        axes.set_axisbelow(True)

    def finish(self) -> None:
        """What is known once everything is drawn: ranges, marks, titles."""
        for name, one in (("x", self.x), ("y", self.y)):
            one.finish(self.axes, name)


class _Axis:
    """One axis of plotly's, filled while traces are drawn."""

    def __init__(self, told: Mapping[str, Any]) -> None:
        self.told = told
        self.names: list[str] = list(map(str, told.get("categoryarray") or ()))
        self.is_date = told.get("type") == "date"
        self.is_named = told.get("type") == "category" or bool(self.names)
        self.is_free = False
        """Whether it has room as matplotlib makes it, and not as plotly needs it."""

    def places(self, values: Sequence[Any], count: int) -> Any:
        """Where values lie; NaN for what is missing."""
        if not values:
            return np.arange(count, dtype=np.float64)
        if not self.is_named and not self.is_date and any(isinstance(v, str) for v in values):
            first = next(v for v in values if isinstance(v, str))
            self.is_date = re.match(r"\d{4}-\d\d-\d\d", first) is not None
            self.is_named = not self.is_date
        if self.is_date:
            return np.array([date(value) for value in values], dtype="datetime64[s]")
        if self.is_named:
            names = [str(value) for value in values]
            self.names += [name for name in dict.fromkeys(names) if name not in self.names]
            return np.array([self.names.index(name) for name in names], dtype=np.float64)
        return np.array([math.nan if v is None else v for v in values], dtype=np.float64)

    def finish(self, axes: Axes, name: str) -> None:
        told, of = self.told, {"x": axes.xaxis, "y": axes.yaxis}[name]
        if title := (told.get("title") or {}).get("text"):
            of.set_label_text(plain(title), fontsize=TEXT, color=BLACK, parse_math=False)
        if told.get("visible") is False:
            of.set_visible(False)
            axes.spines["left" if name == "y" else "bottom"].set_visible(False)
        if told.get("side") == "top":
            axes.xaxis.tick_top()
            axes.xaxis.set_label_position("top")
        is_log = told.get("type") == "log"
        if is_log:
            (axes.set_xscale if name == "x" else axes.set_yscale)("log")
            of.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.4g}"))
            of.set_minor_locator(MaxNLocator(4))
            of.set_minor_formatter(FuncFormatter(lambda value, _: f"{value:.4g}"))
            of.set_tick_params(which="minor", labelsize=SMALL, colors=BLACK)
        if told.get("tickvals") is not None:
            self._mark(of, told["tickvals"], told.get("ticktext") or told["tickvals"])
        elif self.is_named:
            self._mark(of, range(len(self.names)), self.names)
        elif not self.is_date and not is_log:
            of.set_major_locator(MaxNLocator(MARKS, steps=[1, 2, 5, 10]))
            if is_in_percent(told):
                of.set_major_formatter(FuncFormatter(_percent_of(of)))
            else:
                of.set_major_formatter(FuncFormatter(_number_of(of)))
        if angle := told.get("tickangle"):
            of.set_tick_params(rotation=-angle)
        if told.get("showgrid") is not False and not self.is_named and told.get("visible") is None:
            axes.grid(True, axis="x" if name == "x" else "y", color=GRID, linewidth=0.6)
        if told.get("zeroline"):
            (axes.axvline if name == "x" else axes.axhline)(
                0, color=GREY, linewidth=0.8, zorder=0.9
            )
        limits: Any = axes.set_xlim if name == "x" else axes.set_ylim
        if (span := told.get("range")) is not None and not self.is_free:
            ends: list[Any] = [
                np.datetime64(date(end), "s") if self.is_date else end for end in span
            ]
            limits(*(10**end if is_log else end for end in ends))
        elif self.is_named and name == "y":
            limits(-0.6, len(self.names) - 0.4)
        if told.get("autorange") == "reversed":
            limits(*reversed(axes.get_xlim() if name == "x" else axes.get_ylim()))

    def _mark(self, of: Any, places: Sequence[float], texts: Sequence[str]) -> None:
        told = [plain(str(text)) for text in texts]
        if of.axis_name == "y":
            told = ["\n".join(map(roomy, text.split("\n"))) for text in told]
        of.set_ticks(list(places), told, parse_math=False)


def _percent_of(axis: Any) -> Callable[[float, Any], str]:
    def text(value: float, _: Any) -> str:
        return f"{100 * value:.{decimals_of(_step(axis))}f}%".replace("-", "−")

    return text


def _number_of(axis: Any) -> Callable[[float, Any], str]:
    def text(value: float, _: Any) -> str:
        step = _step(axis)
        decimals = max(0, -math.floor(math.log10(step) + 1e-9)) if step > 0 else 0
        return f"{value:,.{min(decimals, 8)}f}".replace("-", "−")

    return text


def _step(axis: Any) -> float:
    places = axis.get_majorticklocs()
    return float(places[1] - places[0]) if len(places) > 1 else 0.01
