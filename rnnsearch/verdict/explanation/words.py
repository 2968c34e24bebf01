"""What an explanation says in words. It is kept in English; here it is said in the user's language.

`told` is an explanation as `explaining.explain` returns it.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from rnnsearch import cells
from rnnsearch.language import _, again, counted, listed, marked

NEWEST_ROW = marked("the newest validation row")
NEXT_FORECAST = marked("the next forecast")
WITHOUT_CHAMPION = marked("the newest validation row, as the champion's folder is not there")
NOT_KNOWN_AHEAD = marked(
    "the newest validation row, as the file does not say what is known ahead of the next target"
)
"""What gates are shown for."""

UNKNOWN_GATES = marked("{cell} is a cell whose gates are not known")
UNTRAINED = marked("{cell} did not train with these settings: {error}")


def sentences(told: Mapping[str, Any]) -> list[str]:
    """How far back it looks, and a note for each cell that could not be trained."""
    return [sentence(told), *notes(told)]


def sentence(told: Mapping[str, Any]) -> str:
    """How far back the champion looks, and what is left of the gradients of each cell."""
    window, half, most = told["window"], told["reach"]["half"], told["reach"]["nine_tenths"]
    text = counted(
        "Half of what moves its forecasts lies in the newest {count} session of its window of "
        "{window}, nine tenths in the newest {most}.",
        "Half of what moves its forecasts lies in the newest {count} sessions of its window of "
        "{window}, nine tenths in the newest {most}.",
        half,
        window=window,
        most=most,
    )
    if not half:
        text = _("Nothing in its window moves its forecasts: it always says the same.")
    faded = [
        f"{cells.label(one['cell'])} {one['faded']:.1g}"
        for one in told["cells"]
        if one["faded"] is not None
    ]
    if window > 1 and faded:
        text += _(
            " Of the largest gradient by a session, so much is left at the oldest one: {shares}.",
            shares=listed(faded),
        )
    return text


def notes(told: Mapping[str, Any]) -> Iterator[str]:
    return (again(note, (UNTRAINED,)) for note in told["notes"])


def no_gates(told: Mapping[str, Any]) -> str:
    """Why no gates are shown; empty where they are."""
    reason = told["gates"].get("reason", "")
    return again(reason, (UNKNOWN_GATES,)) if reason else ""


def looked_at(told: Mapping[str, Any]) -> str:
    """What its gates are shown for."""
    return _(told["gates"]["of"])
