"""Studies in Python: what the commands do, for notebooks and scripts.

    study = Study("quickstart")
    study.search(trials=20)
    study.trials()

The errors are those of `rnnsearch.errors`.
"""

from pathlib import Path
from typing import Any

import pandas as pd

from rnnsearch.config import find_study, load_study
from rnnsearch.many.family import one_of
from rnnsearch.publish.journal import publish_journal
from rnnsearch.publish.page import publish_plots, publish_report
from rnnsearch.publish.registry import publish, publish_refit
from rnnsearch.report.trials import trials_table
from rnnsearch.search.driver.deadline import Deadline
from rnnsearch.search.problem import Problem
from rnnsearch.search.searching import Interrupted, check_result, check_wanted, search
from rnnsearch.search.store.databases import storage_errors
from rnnsearch.search.store.store import Store
from rnnsearch.terminal.live import SearchView
from rnnsearch.terminal.tables import Terminal, note
from rnnsearch.verdict.evaluation import champion_folder, evaluate
from rnnsearch.verdict.journal.reading import journal
from rnnsearch.verdict.prediction import predict
from rnnsearch.verdict.renewal import renew


class Study:
    """A study file, and what was found with it; `settings` is the file's content."""

    def __init__(self, study: str | Path, *, series: str | None = None, **overrides: Any) -> None:
        """A study file, or the name of one: in studies/, in this folder, or of a sample.

        `series`: which one of a study of many. `overrides` replace single keys of the file:
        `run__workers=2`, `run__device="cpu"`.

        Raises StudyFileError, also where a study is of many series and none is named.
        """
        settings = load_study(find_study(study), **overrides)
        self.settings = one_of(settings, () if series is None else (series,))

    def __repr__(self) -> str:
        return f"Study({self.settings.name!r})"

    def search(self, trials: int | str | None = None, *, progress: bool = False) -> None:
        """Search, or go on, until the study has `trials` finished ones ("+50": so many more).

        `progress` shows what `rnnsearch search` shows. Ctrl-C once lets the running trials finish,
        and raises KeyboardInterrupt then. It ends earlier, and in order, after the study's
        `timeout` (`Study(name, study__timeout="2h")`).

        Raises NoTrialError where no trial was completed, and the errors of data and storage.
        """
        wanted = None if trials is None else str(trials)
        deadline = Deadline(self.settings.study.timeout)
        check_wanted(wanted)
        with SearchView(Terminal(highlight=False), quiet=not progress, deadline=deadline) as view:
            try:
                problem = Problem.load(self.settings, tried=True)
                store = search(
                    self.settings, view, trials=wanted, deadline=deadline, problem=problem
                )
            except Interrupted as interrupted:
                raise KeyboardInterrupt(str(interrupted)) from None
        with storage_errors(store.url):
            if deadline.stopped and not store.finished():
                return
            check_result(store)
        publish_plots(problem, store, notice=note)

    def trials(self) -> pd.DataFrame:
        """One row per trial: state, value, parameters, metrics, times; see `report.trials`."""
        store = Store(self.settings, create=False)
        with storage_errors(store.url):
            return trials_table(store)

    def evaluate(
        self, *, top: int = 5, seeds: int = 3, again: bool = False, progress: bool = False
    ) -> dict[str, Any]:
        """Open the locked test once; what `rnnsearch evaluate --json` prints."""
        say = note if progress else _silent
        problem = Problem.load(self.settings)
        answer = evaluate(
            self.settings, top=top, seeds=seeds, again=again, say=say, problem=problem
        )
        if publish(problem, answer, champion_folder(self.settings), notice=note):
            publish_report(self.settings, problem=problem, notice=note)
        return answer

    def refit(
        self,
        data: str | Path | None = None,
        *,
        window: int | None = None,
        progress: bool = False,
    ) -> dict[str, Any]:
        """Train the champion on all rows known today; what `rnnsearch refit --json` prints."""
        say = note if progress else _silent
        path = None if data is None else Path(data)
        renewed = renew(self.settings, data=path, window=window, say=say)
        return renewed | {"model": publish_refit(self.settings, renewed["evaluated"], notice=note)}

    def predict(
        self,
        data: str | Path | None = None,
        *,
        origins: int | None = None,
        level: float = 0.9,
        record: bool = False,
    ) -> pd.DataFrame:
        """The champion's dated forecasts, newest last, from the study's prices or newer `data`.

        `record` enters them in the journal. Its `attrs` hold the verdict, and notes on the prices.
        """
        path = None if data is None else Path(data)
        answer = predict(self.settings, data=path, origins=origins, level=level, record=record)
        frame = pd.DataFrame(answer["forecasts"])
        dates = [forecast["target_date"] for forecast in answer["forecasts"]]
        frame["target_date"] = pd.Series(dates, dtype=object)  # None stays None
        frame.attrs |= {"verdict": answer["verdict"], "notes": answer["notes"]}
        return frame

    def journal(self, data: str | Path | None = None) -> dict[str, Any]:
        """What came true of the recorded forecasts; what `rnnsearch journal --json` prints."""
        told = journal(self.settings, data=None if data is None else Path(data))
        publish_journal(self.settings, told, notice=note)
        return told


def _silent(text: str) -> None: ...
