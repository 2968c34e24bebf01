"""What a journal says, in sentences."""

from collections.abc import Iterator, Mapping
from typing import Any

from rnnsearch.scoring import metrics
from rnnsearch.scoring.inference.significance import MIN_ROWS
from rnnsearch.scoring.words import probability

Plain = Mapping[str, Any]


def sentences(one: Plain | None, study: str) -> Iterator[str]:
    """Of one champion, as `judging.judge` has it; None where nothing was recorded."""
    if one is None:
        yield (
            f"No forecast was recorded yet: `rnnsearch predict {study} --record` enters each in "
            "the journal."
        )
        return
    yield _counts(one)
    if one["counted"]:
        yield _how_good(one)
        yield _drift(one)


def _counts(one: Plain) -> str:
    known = f"the outcomes of {one['counted']:,} are known and count"
    parts = [known if one["counted"] else "no outcome is known yet"]
    if one["pending"]:
        parts.append(f"{one['pending']:,} wait for their day")
    if one["late"]:
        parts.append(f"{one['late']:,} were made too late to count")
    if one["repeated"]:
        parts.append(f"{one['repeated']:,} repeat one of the same day")
    total = "1 forecast is" if one["recorded"] == 1 else f"{one['recorded']:,} forecasts are"
    return f"{total} recorded of trial {one['champion']}: {', '.join(parts)}."


def _how_good(one: Plain) -> str:
    skill, hits = metrics.get("skill"), metrics.get("directional_accuracy")
    row = one["table"][0]
    over = [
        f"{skill.text(value)} over {one['in_words'][name]}" for name, value in one["skills"].items()
    ]
    text = f"From {one['first']} to {one['last']} the skill is {' and '.join(over)}"
    if "directional_accuracy" in row:
        text += (
            f", and the direction was right in {hits.text(row['directional_accuracy'])} of the "
            f"sessions ({metrics.get('always_up').text(row.get('always_up'))} rose)"
        )
    if interval := one["interval"]:
        text += (
            f"; the intervals held {100 * interval['share']:.1f} % of the outcomes, and promised "
            f"{100 * interval['promised']:.0f} %"
        )
    return f"{text}."


def _drift(one: Plain) -> str:
    drift = one["drift"]
    shown = f"({probability(drift['p'])}, which may be read every day)"
    if drift["drifted"]:
        return (
            f"It has drifted: since {drift['since']} its errors have been larger than those of "
            f"doing nothing by more than chance {shown}. `rnnsearch refit` trains it on newer "
            "rows; where that does not help, the search has to begin anew."
        )
    if drift["ahead"]:
        better = f"({probability(drift['p_better'])}, which may be read every day)"
        return f"It has been better than doing nothing by more than chance {better}."
    few = ""
    if one["counted"] < MIN_ROWS * one["ahead"]:
        few = " Of so few forecasts only large errors would show."
    return f"There is no sign that it does worse than doing nothing {shown}.{few}"
