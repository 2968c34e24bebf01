"""What is known of each step of a path, as a table that the terminal and the page show."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rnnsearch.language import _
from rnnsearch.scoring import metrics
from rnnsearch.scoring.words import probability

METRICS = ("skill", "rmse", "directional_accuracy")


@dataclass(frozen=True)
class Steps:
    """A row per step: each cell is its text and the value to sort by. `header`: (label, hint)."""

    header: list[tuple[str, str]]
    rows: list[list[tuple[str, float | str | None]]]


def of_steps(evaluation: Mapping[str, Any] | None) -> Steps | None:
    """None where no path was evaluated."""
    steps = (evaluation or {}).get("steps")
    if not steps:
        return None
    shown = [metrics.get(key) for key in METRICS if key in steps[0]["table"][0]]
    header = [
        (_("sessions ahead"), ""),
        *((_(one.label), one.hint) for one in shown),
        (_("hardest to beat"), _("the naive forecast that errs least at this step")),
        (
            _("information"),
            _("how often chance looks as informed (Clark–West), corrected over the steps"),
        ),
        (
            _("better"),
            _("how often chance looks as accurate (Diebold–Mariano), corrected over the steps"),
        ),
        (_("intervals held"), _("promised: 90 %")),
    ]
    return Steps(header, [_row(one, shown) for one in steps])


def _row(
    one: Mapping[str, Any], shown: list[metrics.Metric]
) -> list[tuple[str, float | str | None]]:
    champion, said = one["table"][0], one["verdict"]
    held = None if one["interval"] is None else one["interval"]["share"]
    return [
        (str(one["ahead"]), one["ahead"]),
        *((metric.text(champion[metric.key]), champion[metric.key]) for metric in shown),
        (_(one["hardest_in_words"]), one["hardest_in_words"]),
        (_chance(said["p_information"]), said["p_information"]),
        (_chance(said["p"]), said["p"]),
        ("–" if held is None else f"{100 * held:.1f} %", held),
    ]


def _chance(p: float | None) -> str:
    return _("not told") if p is None else probability(p)
