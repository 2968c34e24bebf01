"""Baselines beside one network of many series.

Those that learn from windows are asked once, with the rows of all. One that says nothing of many
series is asked of each alone, as it always is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from rnnsearch.scoring.baselines.base import Baseline, Fitted, Task
from rnnsearch.scoring.baselines.theirs import BaselineError
from rnnsearch.scoring.inference.skipped import Skipped

MOST_ALONE = 60
"""Series that a baseline is fitted to one by one: more would take longer than the network."""


def of_pool(chosen: Sequence[Baseline], each: Mapping[str, Task]) -> list[Baseline]:
    """Baselines that are asked of a task of all series; `each` is that of one, by its name.

    The test rows of the one are those of the others, series by series in this order.
    """
    return [
        one if one.many == "all" else _one_by_one(one, each) for one in chosen if one.many != "none"
    ]


def _one_by_one(one: Baseline, each: Mapping[str, Task]) -> Baseline:
    def forecast(_: Task) -> Fitted | Skipped:
        if len(each) > MOST_ALONE:
            return Skipped(
                f"it is fitted to each series alone, of which there may be {MOST_ALONE}, and these "
                f"are {len(each)}"
            )
        found = []
        for name, task in each.items():
            try:
                fitted = one.forecast(task)
            except BaselineError as error:
                raise BaselineError(f"{name}: {error}") from None
            if isinstance(fitted, Skipped):
                return Skipped(f"{name}: {fitted.reason}")
            found.append(fitted)
        chosen = {fitted.chosen for fitted in found}
        return Fitted(
            np.concatenate([fitted.forecast for fitted in found]),
            chosen.pop() if len(chosen) == 1 else "another for each series",
            sum(fitted.rows for fitted in found),
        )

    return replace(
        one, applies=lambda _: all(one.applies(task) for task in each.values()), forecast=forecast
    )
