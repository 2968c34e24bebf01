"""What the pictures of an explanation show, computed once; `drawn` draws them for the page and for
MLflow. See `verdict.explanation`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rnnsearch import cells
from rnnsearch.language import _, listed
from rnnsearch.report.figures.content import Told
from rnnsearch.verdict.explanation import words

MOST_INPUTS = 20
"""Inputs in a picture, those that move the forecasts most."""

SMALLEST = 1e-12
"""On a log scale nothing is drawn below it."""


@dataclass(frozen=True)
class Lines(Told):
    """Lines over the sessions of a window, on a log scale.

    `sessions` count back from the newest: -19 ... 0.
    """

    sessions: Sequence[int]
    lines: Mapping[str, Sequence[float]]
    axis: str


@dataclass(frozen=True)
class Field(Told):
    """A grid of colours: a row for each of `names`, from the top down, a column for each session.

    Values go from 0 to `most`.
    """

    sessions: Sequence[int]
    names: Sequence[str]
    values: Sequence[Sequence[float]]
    most: float
    unit: str
    rows: str
    """What a row is."""


def of_explanation(told: Mapping[str, Any] | None) -> Iterator[Lines | Field]:
    """The pictures of an explanation as it is stored; none without one."""
    if told is None:
        return
    sessions = list(range(1 - told["window"], 1))
    yield _inputs(told, sessions)
    if told["window"] > 1:
        yield _gradients(told, sessions)
    if layers := told["gates"].get("layers"):
        yield _gates(told, layers, sessions)


def _inputs(told: Mapping[str, Any], sessions: Sequence[int]) -> Field:
    by_input = {
        name: [row[place] for row in told["attribution"]]
        for place, name in enumerate(told["inputs"])
    }
    names = sorted(by_input, key=lambda name: -sum(by_input[name]))[:MOST_INPUTS]
    more = len(by_input) - len(names)
    return Field(
        name="looking_inputs",
        title=_("What moves its forecasts"),
        caption=_(
            "How much each input of each session adds to a forecast or takes from it, on average "
            "over {rows:,} validation rows (integrated gradients, in the network's own units); the "
            "newest session is at the right.",
            rows=told["rows"],
        )
        + (_(" {count} more inputs move it less.", count=more) if more else ""),
        sessions=sessions,
        names=names,
        values=[by_input[name] for name in names],
        most=max((max(by_input[name]) for name in names), default=0.0) or 1.0,
        unit=_("added"),
        rows=_("input"),
    )


def _gradients(told: Mapping[str, Any], sessions: Sequence[int]) -> Lines:
    lines = {}
    for one in told["cells"]:
        name = cells.label(one["cell"])
        own = _(" (champion's)") if one["cell"] == told["cell"] else ""
        lines[f"{name}{own}"] = [max(value, SMALLEST) for value in one["norm"]]
    return Lines(
        name="looking_gradients",
        title=_("How far back each cell can look"),
        caption=_(
            "How much a small change of a session moves the forecast: the norm of its gradient "
            "by that session's inputs, on a log scale, the same settings and rows for each cell. A "
            "line that falls steeply to the left has forgotten: what lies there cannot be learnt "
            "from (vanishing gradients). One that rises to the left explodes."
        ),
        sessions=sessions,
        lines=lines,
        axis=_("norm of the gradient"),
    )


def _gates(
    told: Mapping[str, Any], layers: Sequence[Mapping[str, Any]], sessions: Sequence[int]
) -> Field:
    names, values = [], []
    for layer in layers:
        told_of = {"layer": layer["layer"]}
        head = _("layer {layer} backward", **told_of)
        head = head if layer["backward"] else _("layer {layer}", **told_of)
        for gate, opened in layer["gates"].items():
            names.append(listed([head, _(gate)]))
            values.append(opened)
        names.append(listed([head, _("size of the state")]))
        values.append(layer["state"])
    gates = told["gates"]
    return Field(
        name="looking_gates",
        title=_("Its gates, for {of}", of=words.looked_at(told)),
        caption=_(
            "Means over the neurons, for the window that ends before the forecast of {origin}: 0 "
            "is shut, 1 open. A forget gate of an LSTM, or an update gate of a GRU, that stays "
            "open keeps what came before; a plain RNN has none.",
            origin=gates["origin"],
        ),
        sessions=sessions,
        names=names,
        values=values,
        most=1.0,
        unit=_("open"),
        rows=_("gate"),
    )
