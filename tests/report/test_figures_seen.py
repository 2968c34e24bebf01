"""Figures that everybody can read: colours, words beside them, images for paper."""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from rnnsearch.report.contributions import ShiftGain
from rnnsearch.report.figures import champion as figures
from rnnsearch.report.figures import search as search_figures
from rnnsearch.report.figures import style
from rnnsearch.report.figures.content import Bar, Bars, Grid
from rnnsearch.report.figures.images import as_svg, plots
from rnnsearch.report.figures.looking import Field
from rnnsearch.report.figures.paper import UnknownTraceError, still
from rnnsearch.report.figures.style import lines_of
from rnnsearch.report.figures.words import in_words
from tests.helpers.reported import Pages, embedded

LEAST = 3.0
"""Contrast of what is drawn with what it is drawn on: WCAG 2.2, 1.4.11."""


def _channels(colour: str) -> list[float]:
    return [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]


def _luminance(channels: list[float]) -> float:
    """WCAG's relative luminance."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return float(np.dot([0.2126, 0.7152, 0.0722], linear))


def _contrast(colour: str, page: str, opacity: float = 1.0) -> float:
    behind = _channels(page)
    seen = [opacity * c + (1 - opacity) * b for c, b in zip(_channels(colour), behind, strict=True)]
    low, high = sorted([_luminance(seen), _luminance(behind)])
    return (high + 0.05) / (low + 0.05)


BEHIND = (style.PAPER, style.GRID, style.MIDDLE, style.BUTTON, style.PRESSED)


def test_the_contrast_of_black_on_white_is_21() -> None:
    assert _contrast("#000000", "#ffffff") == pytest.approx(21)


@pytest.mark.parametrize("colour", [colour for colour in style.DARK if colour not in BEHIND])
def test_every_colour_stands_out_from_the_page_in_both_themes(colour: str) -> None:
    assert _contrast(colour, style.PAPER) >= LEAST
    assert _contrast(style.DARK[colour], style.DARK[style.PAPER]) >= LEAST


def _drawn(figure: dict[str, Any]) -> Iterator[tuple[str, float]]:
    """(colour, opacity) of lines and marks."""
    for trace in figure["data"]:
        whole = trace.get("opacity", 1.0)
        for part in ("line", "marker"):
            style_of = trace.get(part) or {}
            opacity = whole * (style_of.get("opacity", 1.0) if part == "marker" else 1.0)
            colour = style_of.get("color")
            for one in colour if isinstance(colour, list) else [colour]:
                if isinstance(one, str) and trace.get("type") != "histogram":
                    yield one, opacity


@pytest.mark.xdist_group("report")
@pytest.mark.parametrize("page", ["before", "after"])
def test_what_a_page_draws_stands_out_in_both_themes(pages: Pages, page: str) -> None:
    for name, figure in embedded(getattr(pages, page)).items():
        for colour, opacity in _drawn(figure):
            dark = style.DARK.get(colour)
            assert dark, f"{name}: {colour} is of no theme"
            assert _contrast(colour, style.PAPER, opacity) >= LEAST, (name, colour, opacity)
            assert _contrast(dark, style.DARK[style.PAPER], opacity) >= LEAST, (name, dark)


def _named(cells: Sequence[ShiftGain], **possible: Sequence[int]) -> Grid:
    return Grid(cells=cells, name="g", title="t", caption="c", **possible)


def _grid() -> Grid:
    cells = [ShiftGain(0, 1, 0.02, 2), ShiftGain(2, 3, -0.04, 1)]
    return _named(cells, input_shifts=[0, 1, 2], output_shifts=[1, 2, 3, 4])


def test_a_grid_shows_the_shifts_that_were_not_tried() -> None:
    (heat,) = search_figures.draw(_grid()).data
    assert (list(heat.x), list(heat.y)) == (["1", "2", "3", "4"], ["0", "1", "2"])
    assert sum(cell is None for row in heat.z for cell in row) == 10
    wide = _named(_grid().cells, output_shifts=range(1, 60))
    assert wide.columns == [1, 2, 3], "of too many only those around what was tried"


def test_grids_have_one_orientation_on_the_page_on_paper_and_in_mlflow() -> None:
    figure = search_figures.draw(_grid())
    assert figure.layout.yaxis.autorange == "reversed", "no shift is on top"
    low, high = still(figure).axes[0].get_ylim()
    assert low > high
    low, high = plots([_grid()])["g"].axes[0].get_ylim()
    assert low > high


def test_words_say_what_a_figure_shows() -> None:
    assert in_words(search_figures.draw(_grid())) == (
        "2 of 12 cells were tried. The largest is 2.00 % at input shift 0, output shift: sessions "
        "ahead 1; the smallest −4.00 % at input shift 2, output shift: sessions ahead 3."
    )
    bars = [Bar(f"input <{n}>", 0.01 * n, "") for n in range(9)]
    said = in_words(
        search_figures.draw(
            Bars(bars=bars, axis="skill lost", shares=True, name="b", title="t", caption="c")
        )
    )
    assert said.startswith("9 bars, skill lost: input <0> 0.00 %; input <1> 1.00 %")
    assert said.endswith("input <8> 8.00 %.")
    dates = ["2020-01-01", "2020-01-02", "2020-01-03"]
    close = np.array([100.0, 90.0, 110.0])
    told = in_words(figures.prices(dates, close, {"champion": close, "ridge": close}))
    assert "actual from 2020-01-01 to 2020-01-03: from 100 to 110, between 90 and 110." in told
    assert "Not drawn at first: ridge." in told
    assert in_words(go.Figure()) == "There is nothing to show."


@pytest.mark.parametrize("step", [0.02, 0.0005, 2e-6])
def test_marks_of_an_axis_in_percent_have_equal_decimals_and_differ(step: float) -> None:
    figure = style.blank(300)
    figure.add_scatter(x=[0, 1, 2], y=[step * n for n in range(3)], mode="lines")
    figure.update_yaxes(**style.percent_axis())
    svg = as_svg(still(figure))
    marks = re.findall(r">(−?[\d.]+)%<", svg)
    assert len(marks) >= 3
    assert len(set(marks)) == len(marks)
    assert len({len(mark.partition(".")[2]) for mark in marks}) == 1
    assert "µ" not in svg


def test_numbers_on_axes_have_no_letters_for_their_size() -> None:
    layout = json.loads(style.blank(300).to_json())["layout"]
    assert layout["xaxis"]["exponentformat"] == layout["yaxis"]["exponentformat"] == "none"


def test_labels_are_broken_where_a_part_of_a_name_ends_and_not_cut() -> None:
    assert lines_of("volume_weighted_average_price_30") == ["volume_weighted_average_", "price_30"]
    assert lines_of("short") == ["short"]
    assert "".join(lines_of("x" * 60)) == "x" * 60
    assert lines_of("x" * 200)[-1].endswith("…")


def test_the_band_of_intervals_is_within_the_picture() -> None:
    close = 100 + np.arange(200.0)
    dates = [str(date) for date in np.arange("2020-01-01", "2020-07-19", dtype="datetime64[D]")]
    band = close - 50, close + 80
    low, high = figures.prices(dates, close, {"champion": close}, band=band).layout.yaxis.range
    assert low < min(band[0][-60:])
    assert high > max(band[1][-60:])


def test_what_cannot_be_drawn_on_paper_is_said() -> None:
    with pytest.raises(UnknownTraceError, match="pie"):
        still(go.Figure(go.Pie(labels=["a"], values=[1])))


@pytest.mark.parametrize("count", [1, 3, 8, 10, 39])
def test_the_sessions_under_a_grid_stand_where_they_are(count: int) -> None:
    sessions = list(range(1 - count, 1))
    field = Field(
        name="f", title="t", caption="c", sessions=sessions, names=["a", "b"],
        values=[[float(s) for s in range(count)]] * 2, most=float(count), unit="u", rows="r",
    )  # fmt: skip
    figure = search_figures.draw(field)
    axis = figure.layout.xaxis
    assert axis.type in (None, "linear"), "a category called 0 is taken for the first place"
    assert list(figure.data[0].x) == sessions
    assert [str(place).replace("-", "−") for place in axis.tickvals] == list(axis.ticktext)
    assert axis.tickvals[-1] == 0, "the newest one is told"
    (axes,) = [one for one in still(figure).axes if one.get_xlabel()]
    low, high = axes.get_xlim()
    assert (low, high) == (sessions[0] - 0.5, 0.5)
    assert list(axes.get_xticks()) == list(axis.tickvals)


@pytest.mark.parametrize(
    "lengths", [[0.94, 0.5, -0.04, -0.19], [0.5, -0.1, -3.3], [-0.1, -1.0], [61.0, 0.0], [0.0]]
)
def test_the_note_of_a_short_bar_has_room_beyond_it(lengths: list[float]) -> None:
    bars = [Bar(f"input {n}", length, "a note") for n, length in enumerate(lengths)]
    figure = search_figures.draw(
        Bars(bars=bars, axis="skill lost", shares=True, name="b", title="t", caption="c")
    )
    low, high = figure.layout.xaxis.range
    assert low <= min(lengths)
    assert high >= max(lengths)
    for length in lengths:
        beyond = length - low if length < 0 else high - length
        assert max(beyond, abs(length)) > 0.19 * (high - low), (length, low, high)
    assert figure.data[0].textangle == 0


def test_values_that_lie_together_on_an_axis_are_not_written_over_each_other() -> None:
    trials = [
        {
            "number": n, "state": "complete", "gain": 0.01 * n,
            "parameters": {
                "cell": "gru", "neurons": [8], "inputs": ["return"], "input_shift": 0,
                "learning_rate": rate,
            },
        }
        for n, rate in enumerate([0.001, 0.00127, 0.00134, 0.01])
    ]  # fmt: skip
    told = search_figures.parallel_coordinates(trials).layout.annotations
    rates = [note.y for note in told if note.text.startswith("0.0")]
    assert {0, 1} <= set(rates), "the ends are told"
    assert all(abs(a - b) >= 0.06 for a in rates for b in rates if a != b)
