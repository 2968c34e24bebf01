"""What a search has found so far, as small images for MLflow's parent run.

Without plotly, whose pages hold 4 MB of script each; the report has the same to zoom into.
"""

import io
import math
import re
import textwrap
import warnings
from collections.abc import Iterable, Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from rnnsearch.language import _
from rnnsearch.report.contributions import ALL
from rnnsearch.report.figures.content import Bars, Content, Grid, Reached, Strips, Told
from rnnsearch.report.figures.drawn import image_of
from rnnsearch.report.figures.looking import Field, Lines
from rnnsearch.report.figures.style import (
    BLACK,
    BLUE,
    DIVERGING,
    FONTS,
    GREY,
    PALE,
    STATES,
    lines_of,
    share,
)

SVG_FONTS = f"'DejaVu Sans', {FONTS}"
"""Of images: matplotlib measures by the first, browsers take Chinese letters from a later one."""


def plots(contents: Iterable[Content | Lines | Field]) -> dict[str, Figure]:
    """Name -> image."""
    return {content.name: _image(content) for content in contents}


def _image(content: Content | Lines | Field) -> Figure:
    if isinstance(content, Lines | Field):
        height = 3.6 if isinstance(content, Lines) else 1.2 + 0.24 * len(content.names)
        figure, axes = _blank(content, height)
        image_of(content, axes)
        return figure
    if isinstance(content, Reached):
        return _reached(content)
    if isinstance(content, Strips):
        return _strips(content)
    return _bars(content) if isinstance(content, Bars) else _grid(content)


def as_svg(figure: Figure) -> str:
    """The image as text; the same figure is the same text."""
    text = io.StringIO()
    plain = mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "rnnsearch"})
    with plain, warnings.catch_warnings():
        # Text stays text: whoever shows the image has the letters that this machine lacks.
        warnings.filterwarnings("ignore", r"Glyph .* missing from font", UserWarning)
        figure.savefig(text, format="svg", metadata={"Date": None})
    return re.sub(r"'DejaVu Sans', [^;\"]*sans-serif", SVG_FONTS, text.getvalue())


def _reached(content: Reached) -> Figure:
    figure, axes = _blank(content)
    low, high = content.range or (-1.0, 1.0)
    for state, (colour, _symbol) in STATES.items():
        if state in content.points:
            x, y = zip(*content.points[state], strict=True)
            axes.scatter(x, np.maximum(y, low), s=16, color=colour, alpha=0.75, label=_(state))
    if content.best:
        numbers, gains = zip(*content.best, strict=True)
        numbers, gains = (*numbers, content.last), (*gains, gains[-1])
        axes.plot(numbers, gains, color=BLACK, drawstyle="steps-post")
    axes.axhline(0, color=GREY, linewidth=1, zorder=0)
    axes.set_ylim(low, high)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes.set_xlabel(_("trial"))
    if content.points:
        axes.legend(frameon=False, loc="lower right")
    return figure


def _bars(content: Bars) -> Figure:
    figure, axes = _blank(
        content, height=0.9 + _row([bar.name for bar in content.bars]) * len(content.bars)
    )
    places = range(len(content.bars))
    lengths = [bar.length for bar in content.bars]
    colours = [BLUE if length > content.dark_above else PALE for length in lengths]
    drawn = axes.barh(places, lengths, color=colours)
    axes.bar_label(drawn, [bar.note for bar in content.bars], padding=4, parse_math=False)
    axes.set_yticks(places, [_lines(bar.name) for bar in content.bars], parse_math=False)
    axes.invert_yaxis()
    axes.margins(x=0.2)  # with room for the notes
    axes.axvline(0, color=GREY, linewidth=1)
    axes.set_xlabel(content.axis, parse_math=False)
    if content.shares:
        axes.xaxis.set_major_formatter(PercentFormatter(1.0))
    return figure


def _strips(content: Strips) -> Figure:
    figure, axes = _blank(content, height=0.9 + 0.34 * len(content.strips))
    low, high = content.range or (-1.0, 1.0)
    for place, strip in enumerate(content.strips):
        gains = np.maximum(strip.gains, low)
        axes.scatter(gains, np.full(len(gains), place), s=22, color=BLUE, alpha=0.45)
        if strip.median is not None:
            edges = [place - 0.3, place + 0.3]
            axes.plot([max(strip.median, low)] * 2, edges, color=BLACK, linewidth=2.5)
    places = range(len(content.strips))
    axes.set_yticks(places, [_lines(s.name) for s in content.strips], parse_math=False)
    axes.set_ylim(len(content.strips) - 0.5, -0.5)
    axes.axvline(0, color=GREY, linewidth=1, zorder=0)
    axes.set_xlim(low, high)
    axes.set_xlabel(content.axis, parse_math=False)
    axes.xaxis.set_major_formatter(PercentFormatter(1.0))
    return figure


def _grid(content: Grid) -> Figure:
    figure, axes = _blank(content, height=1.5 + 0.4 * len(content.rows))
    gains = [[math.nan if cell is None else cell.gain for cell in row] for row in content.found]
    for row, cells in enumerate(content.found):
        for column, cell in enumerate(cells):
            text = (
                _("not tried").replace(" ", "\n")
                if cell is None
                else f"{share(cell.gain)}\nn={cell.trials}"
            )
            axes.text(column, row, text, ha="center", va="center", fontsize=7)
    colours = LinearSegmentedColormap.from_list("gain", DIVERGING)
    reach = content.reach
    axes.imshow(gains, cmap=colours, vmin=-reach, vmax=reach, aspect="auto", alpha=0.8)
    axes.set_xticks(range(len(content.columns)), [str(shift) for shift in content.columns])
    axes.set_yticks(range(len(content.rows)), [str(shift) for shift in content.rows])
    axes.set_xlabel(_("output shift"))
    told = _("input shift")
    if content.family != ALL:
        told = _("{parameter} of {family}", parameter=told, family=content.family)
    axes.set_ylabel(told, parse_math=False)
    return figure


def _lines(name: str) -> str:
    return "\n".join(lines_of(name, 26))


def _row(names: Sequence[str]) -> float:
    """Inches that a row needs for its label."""
    return 0.24 * max((len(lines_of(name, 26)) for name in names), default=1)


def _blank(content: Told, height: float = 3.6) -> tuple[Figure, Axes]:
    """Not by pyplot, which keeps every figure and may look for a screen. Height in inches."""
    told = [content.title, *textwrap.wrap(content.caption, 88)]
    figure = Figure(figsize=(7.6, height + 0.15 * len(told)), layout="constrained")
    axes = figure.add_subplot()
    axes.set_title("\n".join(told), loc="left", fontsize=9, parse_math=False)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes
