"""What a figure shows, in words made of its numbers, for whoever cannot see it."""

import html
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from statistics import median
from typing import Any

import plotly.graph_objects as go

from rnnsearch.language import _, counted
from rnnsearch.language import listed as listed_in_words
from rnnsearch.report.figures.style import is_in_percent, listed

MOST = 6
"""Most traces that are told of; what is left is counted."""

SUMMED = 5
"""Of traces with one name, such as a line for each trial, more than this are told together."""

BARS = 3
"""Bars that are told from either end."""

Trace = Mapping[str, Any]


def in_words(figure: go.Figure) -> str:
    """Sentences: which lines, marks, bars or cells there are, from what to what they go."""
    plain = figure.to_dict()
    layout = plain["layout"]
    shown = [
        trace
        for trace in plain["data"]
        if trace.get("visible", True) is True and _count(trace) and not _is_edge(trace)
    ]
    named: dict[str, list[Trace]] = {}
    for number, trace in enumerate(shown):
        named.setdefault(str(trace.get("name") or f"#{number}"), []).append(trace)
    told = [
        sentence
        for name, traces in [*named.items()][:MOST]
        for sentence in _told("" if name.startswith("#") else _plain(name), traces, layout)
    ]
    if len(named) > MOST:
        left = len(named) - MOST
        told.append(counted("{count} more line.", "{count} more lines.", left))
    waiting = [t for t in plain["data"] if t.get("visible") == "legendonly" and t.get("name")]
    if waiting:
        names = listed_in_words(_plain(trace["name"]) for trace in waiting)
        told.append(_("Not drawn at first: {names}.", names=names))
    return _(" ").join(told) or _("There is nothing to show.")


def _told(name: str, traces: Sequence[Trace], layout: Mapping[str, Any]) -> Iterator[str]:
    kind = traces[0].get("type", "scatter")
    if len(traces) > SUMMED:
        yield _("{name}: {count} lines.", name=name, count=len(traces))
        return
    for trace in traces:
        if kind == "bar":
            yield from _bars(name, trace, layout)
        elif kind == "heatmap":
            yield from _grid(trace, layout)
        elif kind == "histogram":
            yield _marks(name, trace, "x", layout)
        elif "lines" in (trace.get("mode") or "lines"):
            yield _line(name, trace, layout)
        else:
            across = _axis(layout, trace, "y").get("type") == "category"
            yield _marks(name, trace, "x" if across else "y", layout)


def _line(name: str, trace: Trace, layout: Mapping[str, Any]) -> str:
    form = _format(layout, trace, "y")
    points = [
        (x, y)
        for x, y in zip(listed(trace.get("x")), listed(trace.get("y")), strict=False)
        if _is(y)
    ]
    (first, begin), (last, end) = points[0], points[-1]
    values = [y for _x, y in points]
    where = _(" at {place}", place=_said(first))
    if len(points) > 1:
        where = _(" from {first} to {last}", first=_said(first), last=_said(last))
    title = _plain((_axis(layout, trace, "y").get("title") or {}).get("text") or "")
    what = (name or title or _("A line")) + where
    if len(points) == 1 or form(min(values)) == form(max(values)):
        return _("{what}: {value}.", what=what, value=form(begin))
    return _(
        "{what}: from {first} to {last}, between {least} and {most}.",
        what=what,
        first=form(begin),
        last=form(end),
        least=form(min(values)),
        most=form(max(values)),
    )


def _marks(name: str, trace: Trace, along: str, layout: Mapping[str, Any]) -> str:
    form = _format(layout, trace, along)
    values = [value for value in listed(trace.get(along)) if _is(value)]
    title = _plain((_axis(layout, trace, along).get("title") or {}).get("text") or "")
    count = counted("{count:,} mark", "{count:,} marks", len(values))
    what = f"{name}{_(': ')}{count}" if name else count
    if form(min(values)) == form(max(values)):
        return _("{what}, {title} {value}.", what=what, title=title, value=form(values[0]))
    low, middle, high = (form(v) for v in (min(values), median(values), max(values)))
    return _(
        "{what}, {title} from {low} to {high}, half of them above {middle}.",
        what=what,
        title=title,
        low=low,
        middle=middle,
        high=high,
    )


def _bars(name: str, trace: Trace, layout: Mapping[str, Any]) -> Iterator[str]:
    across = trace.get("orientation") == "h"
    along, names = ("x", "y") if across else ("y", "x")
    form = _format(layout, trace, along)
    bars = [
        (_plain(str(label)), value)
        for label, value in zip(listed(trace.get(names)), listed(trace.get(along)), strict=False)
        if _is(value)
    ]
    title = _plain((_axis(layout, trace, along).get("title") or {}).get("text") or "")
    count = counted("{count} bar", "{count} bars", len(bars))
    head = listed_in_words(part for part in (name, count, title) if part)
    shown = bars if len(bars) <= 2 * BARS else [*bars[:BARS], *bars[-BARS:]]
    told = [f"{label} {form(value)}" for label, value in shown]
    if len(shown) < len(bars):
        told.insert(BARS, "…")
    yield f"{head}{_(': ')}{_('; ').join(told)}{_('.')}"


def _grid(trace: Trace, layout: Mapping[str, Any]) -> Iterator[str]:
    marks = (trace.get("colorbar") or {}).get("ticktext") or ()
    form = _percent if any("%" in str(mark) for mark in marks) else _number
    across, down = (
        _plain((_axis(layout, trace, name).get("title") or {}).get("text") or name)
        for name in ("x", "y")
    )
    cells = [
        (value, x, y)
        for y, row in zip(listed(trace.get("y")), listed(trace["z"]), strict=False)
        for x, value in zip(listed(trace.get("x")), row, strict=False)
    ]
    known = [cell for cell in cells if _is(cell[0])]
    best, worst = max(known), min(known)
    count = _("{some} of {all} cells were tried", some=len(known), all=len(cells))
    if len(known) == len(cells):
        count = _("{count:,} cells", count=len(cells))
    yield _(
        "{count}. The largest is {best} at {down} {row}, {across} {column}; the smallest {worst} "
        "at {down} {low_row}, {across} {low_column}.",
        count=count,
        best=form(best[0]),
        row=best[2],
        column=best[1],
        worst=form(worst[0]),
        low_row=worst[2],
        low_column=worst[1],
        down=down,
        across=across,
    )


# --- values -------------------------------------------------------------------------------------


def _count(trace: Trace) -> int:
    """How many values a trace has."""
    if trace.get("type") == "heatmap":
        return sum(_is(value) for row in listed(trace["z"]) for value in row)
    keys = ("x",) if trace.get("type") == "histogram" else ("x", "y")
    return min(sum(_is(v) or isinstance(v, str) for v in listed(trace.get(key))) for key in keys)


def _is_edge(trace: Trace) -> bool:
    """Whether it is the other edge of an area, which is told once."""
    return trace.get("showlegend") is False and not trace.get("name")


def _is(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _axis(layout: Mapping[str, Any], trace: Trace, name: str) -> Mapping[str, Any]:
    reference = trace.get(f"{name}axis") or name
    found: Mapping[str, Any] = layout.get(f"{name}axis{reference[1:]}") or {}
    return found


def _format(layout: Mapping[str, Any], trace: Trace, name: str) -> Any:
    return _percent if is_in_percent(_axis(layout, trace, name)) else _number


def _percent(value: float) -> str:
    return f"{100 * value:.2f} %".replace("-", "−")


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1e5 else f"{value:.4g}".replace("-", "−")


def _said(value: Any) -> str:
    return _plain(value) if isinstance(value, str) else _number(value)


def _plain(text: str) -> str:
    return html.unescape(re.sub(r"</?[a-z]+>", "", text.replace("<br>", "")))
