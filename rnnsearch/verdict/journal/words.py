"""What a journal says, in sentences."""

from collections.abc import Iterator, Mapping
from typing import Any

from rnnsearch.language import _, counted, listed
from rnnsearch.scoring import metrics
from rnnsearch.scoring.inference.significance import MIN_ROWS
from rnnsearch.scoring.words import probability

Plain = Mapping[str, Any]


def sentences(one: Plain | None, study: str) -> Iterator[str]:
    """Of one champion, as `judging.judge` has it; None where nothing was recorded."""
    if one is None:
        yield _(
            "No forecast was recorded yet: `rnnsearch predict {study} --record` enters each in "
            "the journal.",
            study=study,
        )
        return
    yield _counts(one)
    if one["counted"]:
        yield _how_good(one)
        yield _drift(one)


def _counts(one: Plain) -> str:
    known = _("the outcomes of {count:,} are known and count", count=one["counted"])
    parts = [known if one["counted"] else _("no outcome is known yet")]
    if one["pending"]:
        parts.append(
            counted("{count:,} waits for its day", "{count:,} wait for their day", one["pending"])
        )
    if one["late"]:
        parts.append(_("{count:,} were made too late to count", count=one["late"]))
    if one["repeated"]:
        parts.append(_("{count:,} repeat one of the same day", count=one["repeated"]))
    return counted(
        "{count:,} forecast is recorded of trial {trial}: {parts}.",
        "{count:,} forecasts are recorded of trial {trial}: {parts}.",
        one["recorded"],
        trial=one["champion"],
        parts=listed(parts),
    )


def _how_good(one: Plain) -> str:
    skill, hits = metrics.get("skill"), metrics.get("directional_accuracy")
    row = one["table"][0]
    over = [
        _("{skill} over {other}", skill=skill.text(value), other=_(one["in_words"][name]))
        for name, value in one["skills"].items()
    ]
    text = _(
        "From {first} to {last} the skill is {skills}",
        first=one["first"],
        last=one["last"],
        skills=_(" and ").join(over),
    )
    if "directional_accuracy" in row:
        text += _(
            ", and the direction was right in {hits} of the sessions ({rises} rose)",
            hits=hits.text(row["directional_accuracy"]),
            rises=metrics.get("always_up").text(row.get("always_up")),
        )
    if interval := one["interval"]:
        text += _(
            "; the intervals held {held:.1f} % of the outcomes, and promised {promised:.0f} %",
            held=100 * interval["share"],
            promised=100 * interval["promised"],
        )
    return text + _(".")


def _drift(one: Plain) -> str:
    drift = one["drift"]
    shown = probability(drift["p"])
    if drift["drifted"]:
        return _(
            "It has drifted: since {since} its errors have been larger than those of doing nothing "
            "by more than chance ({p}, which may be read every day). `rnnsearch refit` trains it "
            "on newer rows; where that does not help, the search has to begin anew.",
            since=drift["since"],
            p=shown,
        )
    if drift["ahead"]:
        return _(
            "It has been better than doing nothing by more than chance ({p}, which may be read "
            "every day).",
            p=probability(drift["p_better"]),
        )
    text = _(
        "There is no sign that it does worse than doing nothing ({p}, which may be read every "
        "day).",
        p=shown,
    )
    if one["counted"] < MIN_ROWS * one["ahead"]:
        text += _(" Of so few forecasts only large errors would show.")
    return text
