"""Lines and grids over the sessions of a window, drawn by plotly and by matplotlib."""

import plotly.graph_objects as go
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.ticker import MaxNLocator

from rnnsearch.language import _, marked
from rnnsearch.report.figures.looking import Field, Lines
from rnnsearch.report.figures.style import (
    BLACK,
    BLUE,
    GREEN,
    MIDDLE,
    ORANGE,
    PURPLE,
    RED,
    blank,
    label,
    lines_of,
    short,
)

STYLES = (
    (BLUE, "solid", "-"),
    (RED, "dash", "--"),
    (GREEN, "dot", ":"),
    (ORANGE, "dashdot", "-."),
    (PURPLE, "longdash", "--"),
    (BLACK, "solid", "-"),
)
"""(colour, plotly's dash, matplotlib's), line by line."""
SCALE = [(0.0, MIDDLE), (1.0, BLUE)]
MARKS = 10
"""Most sessions that are named below a grid."""
SESSIONS = marked("sessions before the newest one it sees")


def figure_of(content: Lines | Field) -> go.Figure:
    """To zoom into."""
    return _lines(content) if isinstance(content, Lines) else _field(content)


def image_of(content: Lines | Field, axes: Axes) -> None:
    """Small, into axes that are there."""
    axes.set_xlabel(_(SESSIONS))
    if isinstance(content, Lines):
        for (colour, _plotly, dash), (name, values) in zip(
            STYLES, content.lines.items(), strict=False
        ):
            axes.plot(content.sessions, values, color=colour, linestyle=dash, label=name)
        axes.set_yscale("log")
        axes.set_ylabel(content.axis)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.legend(frameon=False)
        return
    colours = LinearSegmentedColormap.from_list("added", SCALE)
    edges = (content.sessions[0] - 0.5, content.sessions[-1] + 0.5)
    axes.imshow(
        content.values,
        cmap=colours,
        vmin=0,
        vmax=content.most,
        aspect="auto",
        extent=(*edges, len(content.names) - 0.5, -0.5),
    )
    names = ["\n".join(lines_of(name)) for name in content.names]
    axes.set_yticks(range(len(names)), names, parse_math=False)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def _lines(content: Lines) -> go.Figure:
    figure = blank(380, x=_(SESSIONS), y=content.axis)
    for (colour, dash, _own), (name, values) in zip(STYLES, content.lines.items(), strict=False):
        figure.add_scatter(
            x=list(content.sessions),
            y=short(values),
            mode="lines" if len(values) > 2 else "lines+markers",
            name=name,
            line={"color": colour, "dash": dash, "width": 2},
            hovertemplate="%{x}: %{y:.3g}<extra>%{fullData.name}</extra>",
        )
    figure.update_yaxes(type="log", exponentformat="power", dtick=1)
    return figure


def _field(content: Field) -> go.Figure:
    figure = blank(130 + 26 * len(content.names), x=_(SESSIONS), y=content.rows)
    figure.add_heatmap(
        x=list(content.sessions),  # numbers: of a category "0", plotly takes it for the first place
        y=[label(name) for name in content.names],
        z=[short(row).tolist() for row in content.values],
        colorscale=SCALE,
        zmin=0,
        zmax=content.most,
        colorbar={"thickness": 10, "nticks": 4},
        hovertemplate=_("%{y}, session %{x}: %{z:.3g}") + f" {content.unit}<extra></extra>",
    )
    count = len(content.sessions)
    marks = range((count - 1) % -(-count // MARKS), count, -(-count // MARKS))  # the newest is one
    told = [f"{content.sessions[place]}".replace("-", "−") for place in marks]
    places = [content.sessions[place] for place in marks]
    figure.update_xaxes(showgrid=False, tickvals=places, ticktext=told)
    figure.update_yaxes(type="category", showgrid=False, autorange="reversed")
    return figure
