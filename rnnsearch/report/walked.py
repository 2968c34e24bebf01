"""A test that was walked through: both ways through it beside each other."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from rnnsearch.language import _, listed, marked
from rnnsearch.report.figures.champion import Picture
from rnnsearch.report.figures.walk import saved
from rnnsearch.scoring import metrics, words

COMPARED = ("skill", "rmse")


def table(evaluation: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """What was fitted once and what was refitted, by forecast; None where nothing was walked.

    Keys: said (how it was walked), header, rows (name, cells of text and value).
    """
    if evaluation is None or not evaluation.get("walk"):
        return None
    once = {row["forecast"]: row for row in evaluation["one_fit"]["table"]}
    shown = [metrics.get(key) for key in COMPARED]
    rows = []
    for row in evaluation["table"]:
        if row["forecast"] == "one_fit":
            continue
        before: Mapping[str, Any] = once.get(row["forecast"], {})
        cells = [
            (metric.text(one.get(metric.key)), one.get(metric.key))
            for metric in shown
            for one in (before, row)
        ]
        rows.append({"name": row["forecast"], "cells": cells})
    header = [
        listed([_(metric.label), _(way)])
        for metric in shown
        for way in (marked("one fit"), marked("walked"))
    ]
    return {"said": words.walked(evaluation["walk"]), "header": header, "rows": rows}


def pictures(evaluation: Mapping[str, Any] | None) -> Iterator[Picture]:
    if evaluation is None or not evaluation.get("walk"):
        return
    actual = np.array(evaluation["actual"])
    naive = np.array(evaluation["forecasts"][evaluation["hardest"]])
    lines = {
        name: np.array(evaluation["forecasts"][key])
        for name, key in ((_("walked"), "champion"), (_("one fit"), "one_fit"))
    }
    yield Picture(
        "walk",
        _("Refitted and fitted once, session by session"),
        _(
            "How much of the squared error of doing nothing ({naive}) the champion has saved so "
            "far; below 0 it has made more. Where the line of the refits rises away from that of "
            "the one fit, newer rows were worth learning from. Both begin with the same weights "
            "where refits learn from all rows.",
            naive=_(evaluation["hardest_in_words"]),
        ),
        saved(evaluation["dates"], actual, naive, lines),
    )
