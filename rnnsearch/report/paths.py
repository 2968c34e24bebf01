"""Pictures of a path: how good each step is, and the last one of the test as a fan."""

from collections.abc import Iterator

import numpy as np

from rnnsearch import targets
from rnnsearch.arrays import Floats
from rnnsearch.language import _, marked
from rnnsearch.report.facts import Facts
from rnnsearch.report.figures import paths as figures
from rnnsearch.report.figures.champion import Picture

FIRST = marked(", the first step of each path")
BEFORE = 40
"""Sessions drawn before a fan."""


def pictures(facts: Facts) -> Iterator[Picture]:
    steps = (facts.evaluation or {}).get("steps")
    if not steps:
        return
    yield Picture(
        "step_skills",
        _("Skill by how far ahead"),
        _(
            "Each step against its own naive forecasts. A network that knows the near "
            "future only is good on the left and at 0 on the right."
        ),
        figures.steps([one["ahead"] for one in steps], [one["table"][0]["skill"] for one in steps]),
    )
    target = targets.get(facts.study.data.predict)
    if not target.priced:
        return
    first = steps[0]
    ahead, start = first["ahead"], np.array(first["origin_price"])
    if len(start) <= ahead:  # too few rows to reach back to the origin of the last
        return
    known = target.to_price(np.array(first["actual"]), start)
    before = slice(max(len(start) - ahead - BEFORE, 0), len(start) - ahead)  # the origin's last
    origin = start[-1:]

    def price(value: float) -> float:
        return float(target.to_price(np.array([value]), origin)[0])

    def last(name: str) -> Floats:
        return np.array([price(one["interval"][name][-1]) for one in steps])

    band = None
    if all(one["interval"] for one in steps):
        band = last("low"), last("high")
    yield Picture(
        "fan",
        _("The last path of the test"),
        _(
            "What was forecast at once for each of its sessions, and where each was to lie "
            "in 90 of 100 cases: the farther ahead, the wider. The dotted line is what "
            "came."
        ),
        figures.fan(
            (first["dates"][before], known[before]),
            [one["dates"][-1] for one in steps],
            np.array([price(one["forecasts"]["champion"][-1]) for one in steps]),
            band,
            np.array([price(one["actual"][-1]) for one in steps]),
        ),
    )
