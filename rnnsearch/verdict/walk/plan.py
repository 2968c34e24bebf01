"""Which rows each refit of a walk learns from, and which rows it forecasts.

    n  locked target rows      e  sessions between refits      H  largest output shift of the study

Refit k forecasts the locked rows `k e .. k e + e - 1`. Its last training row lies H rows before the
first of them, as that of the one fit does before the test: it is known at every origin of theirs.
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from rnnsearch.config import StudyFile
from rnnsearch.errors import StudyFileError
from rnnsearch.model.windows import Fold
from rnnsearch.search.problem import Problem


@dataclass(frozen=True, eq=False)
class Plan:
    """The refits of a walk, in order: `validation` of each fold are the rows it forecasts."""

    every: int
    window: Literal["expanding", "rolling"] | int
    start: Literal["cold", "warm"]
    folds: tuple[Fold, ...]

    @property
    def warm(self) -> bool:
        return self.start == "warm"

    @property
    def settings(self) -> dict[str, Any]:
        return {"every": self.every, "window": self.window, "start": self.start}

    def newest(self, epochs: int) -> int:
        """The rows that a refit passes over once where it goes on from weights.

        So each new row is learnt from in as many refits as a new training has epochs, and then no
        more: passes over all rows would add up, and fit their noise.
        """
        return self.every * epochs

    @property
    def rows_in_words(self) -> str:
        if self.window == "expanding":
            return "all rows known then"
        return f"the newest {len(self.folds[-1].train):,} rows known then"

    @property
    def weights_in_words(self) -> str:
        return "going on from the weights before" if self.warm else "from new weights"


def asked(study: StudyFile) -> dict[str, Any] | None:
    """The settings of the walk that a study file asks for; None where it asks for none."""
    section = study.evaluate
    if not section.refit_every:
        return None
    return {
        "every": section.refit_every,
        "window": section.refit_window,
        "start": section.refit_start,
    }


def planned(problem: Problem) -> Plan | None:
    """The walk that the study file asks for; None where it asks for none.

    Raises StudyFileError where the locked test has no row for a second fit.
    """
    settings, split = asked(problem.study), problem.split
    if settings is None:
        return None
    every, test, once = settings["every"], split.test, split.refit
    if every >= len(test):
        raise StudyFileError(
            f"[evaluate] refit_every: the locked test has {len(test):,} sessions, so nothing would "
            f"be fitted anew every {every:,}; give a number below {len(test):,}, or 0 for one fit"
        )
    match settings["window"]:
        case "expanding":
            most = len(once.train) + len(test)
        case "rolling":
            most = len(once.train)
        case rows:
            most = rows
    reach = int(once.train[0]) - once.history.start
    folds = []
    for begin in range(0, len(test), every):
        last = int(once.train[-1]) + begin
        first = max(split.first, last + 1 - most)
        train = np.arange(first, last + 1, dtype=np.int64)
        told = test[begin : begin + every]
        folds.append(Fold(train, told, slice(first - reach, last + 1)))
    return Plan(folds=tuple(folds), **settings)
