"""A study, and what the commands do with it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

import optuna
import pandas as pd

from rnnsearch.api.arguments import at_least, between, in_python, path_of
from rnnsearch.api.inline import Page, figures
from rnnsearch.api.live import NotebookView, saying, search_view
from rnnsearch.api.notebook import Stopped, quietly
from rnnsearch.api.told import Told, as_html
from rnnsearch.config import StudyFile, find_study, load_study, study_of, times
from rnnsearch.data.inputs.build import input_listing
from rnnsearch.data.prices.load import read_prices
from rnnsearch.errors import AbsentStudyError, DataError, StudyFileError
from rnnsearch.language import _, listed
from rnnsearch.many.family import one_of
from rnnsearch.prepare.draft import lay_out
from rnnsearch.prepare.preview import check
from rnnsearch.publish.journal import publish_journal
from rnnsearch.publish.page import publish_plots, publish_read, publish_report
from rnnsearch.publish.registry import publish, publish_refit
from rnnsearch.report.captions import pictures
from rnnsearch.report.comparisons import comparisons
from rnnsearch.report.contributions import input_statistics
from rnnsearch.report.facts import collect
from rnnsearch.report.page import render, write
from rnnsearch.report.shelf import comparing
from rnnsearch.report.status import status
from rnnsearch.report.trials import trials_table
from rnnsearch.scoring.words import LUCK, definition
from rnnsearch.search.driver.deadline import Deadline
from rnnsearch.search.inputs.candidates import describe
from rnnsearch.search.problem import Problem
from rnnsearch.search.searching import Interrupted, check_result, check_wanted, search
from rnnsearch.search.store.databases import storage_errors
from rnnsearch.search.store.records import title
from rnnsearch.search.store.store import Store
from rnnsearch.search.store.view import best_first, trained
from rnnsearch.shown import number_of
from rnnsearch.terminal.compared import comparison_parts
from rnnsearch.terminal.evaluated import evaluation_tables, refit_text
from rnnsearch.terminal.explained import explanation_tables
from rnnsearch.terminal.journal import journal_tables
from rnnsearch.terminal.shelf import comparison_tables
from rnnsearch.terminal.tables import (
    best_table,
    drivers_table,
    findings,
    note,
    status_text,
)
from rnnsearch.verdict.evaluation import champion_folder, evaluate
from rnnsearch.verdict.explanation.explaining import explain
from rnnsearch.verdict.journal.reading import journal
from rnnsearch.verdict.prediction import predict
from rnnsearch.verdict.renewal import UNTESTED_SENTENCE, renew


class Study:
    """A study file, and what was found with it; `settings` is the file's content."""

    def __init__(
        self, study: str | Path | StudyFile, *, series: str | None = None, **overrides: Any
    ) -> None:
        """A study file, or the name of one: in studies/, in this folder, or of a sample.

        `series`: which one of a study of many. `overrides` replace single keys of the file:
        `run__workers=2`, `run__device="cpu"`.

        Raises StudyFileError, also where a study is of many series and none is named.
        """
        if not isinstance(study, StudyFile):
            meant = path_of(study, "Study", "a dict is taken by Study.from_dict")
            study = load_study(find_study(meant), **overrides)
        self.settings = one_of(study, () if series is None else (series,))
        self._drafted: tuple[str, ...] = ()

    @classmethod
    def from_csv(
        cls,
        data: str | Path,
        *,
        name: str | None = None,
        target: str | None = None,
        series: str | None = None,
        columns: Literal["all", "none"] | list[str] = "all",
        time_zone: str | None = None,
        calendar: str | None = None,
        **overrides: Any,
    ) -> Self:
        """A study of a price file, without a study file: what `rnnsearch init` would write.

        Ranges are those that the number of rows allows; `overrides` replace single keys of it:
        `study__trials=10`, `space__cell=["lstm"]`. `name`: of the study; else that of the file.
        `target` is the column to forecast, `series` the one to read of a file of several. Any kind
        of price file is read that `init` reads.

        Raises DataError for a file that prices cannot be read from, or too few of them, and
        StudyFileError for a wrong argument.
        """
        path = path_of(data, "Study.from_csv", "write a table with frame.to_csv first")
        given: dict[str, Any] = {
            "series": () if series is None else (series,),
            "columns": columns if isinstance(columns, str) else tuple(columns),
            "time_zone": time_zone,
            "calendar": calendar,
        }
        try:
            drafted = lay_out(path, Path("study.toml"), target, given)
        except DataError as error:
            raise in_python(error) from None
        study = cls(
            study_of(drafted.tables, name, place=f"Study.from_csv({path.name})", **overrides)
        )
        study._drafted = (*drafted.facts, *(f"note: {text}" for text in drafted.warnings))
        return study

    @classmethod
    def from_dict(
        cls,
        tables: Mapping[str, Any],
        *,
        name: str | None = None,
        series: str | None = None,
        **overrides: Any,
    ) -> Self:
        """What a study file would say: `{"data": {"path": "prices.csv"}, "space": {...}}`.

        Paths are meant from the current folder. `name`: of the study; else that of the
        dict, else that of the data. Raises StudyFileError, with every fault.
        """
        if not isinstance(tables, Mapping):
            raise StudyFileError(
                "Study.from_dict: should be a mapping of sections to their keys, as "
                f'{{"data": {{"sample": "sp500"}}}}, got a {type(tables).__name__}'
            )
        return cls(study_of(tables, name, place="Study.from_dict", **overrides), series=series)

    # --- what it is

    @property
    def name(self) -> str:
        return self.settings.name

    def __repr__(self) -> str:
        return f"Study({self.settings.name!r})"

    def _repr_html_(self) -> str:
        data = self.settings.data
        source = f"sample {data.sample}" if data.path is None else data.path.name
        parts = [f"study {self.name}: {data.predict} of {data.target}, {source}"]
        try:
            told = self.status()._parts
        except AbsentStudyError:
            wanted = self.settings.study.trials
            told = (
                *self._drafted,
                f"{number_of(wanted, 'trial')} wanted, none begun: search() begins",
            )
        return as_html([*parts, *told])

    def check(self) -> Told:
        """What a search would do: data, space, rows of every fold, time; as `rnnsearch check`."""
        with quietly():
            report = check(self.settings)
        notes = [f"note: {text}" for text in report.warnings]
        return Told(report.plain, [*report.facts, *notes, report.space, report.rows])

    def inputs(self) -> pd.DataFrame:
        """The candidate inputs: name, family, unit, warm-up, first date, source.

        After a search also what it found of each: rank, evidence, chosen, gain_with, gain_without,
        permutation (skill that the best trials lose where it is shuffled), as `status` tells.
        """
        problem = Problem.load(self.settings)
        listing = input_listing(problem.table, problem.prices.dates)
        try:
            store = Store(self.settings, create=False)
        except AbsentStudyError:
            return listing
        with storage_errors(store.url):
            told = input_statistics(store.trials(), store.inputs)
        found = pd.DataFrame([vars(one) for one in told])
        if found.empty:
            return listing
        keys = ["rank", "evidence", "chosen", "gain_with", "gain_without", "permutation"]
        return listing.merge(
            found[["input", *keys]].rename(columns={"input": "name"}), on="name", how="left"
        )

    def prices(self) -> pd.DataFrame:
        """The prices as they are read: a row per session, by date."""
        return read_prices(self.settings.data).frame.copy()

    # --- the search

    def search(
        self,
        trials: int | str | None = None,
        *,
        progress: bool | None = None,
        timeout: str | None = None,
    ) -> None:
        """Search, or go on, until the study has `trials` finished ones ("+50": so many more).

        In a notebook it shows the trials as they go, the best one and the time that is left, unless
        `progress` is False; elsewhere `progress=True` shows what `rnnsearch search` shows. Ctrl-C
        once, which is a notebook's stop button, lets the running trials finish, and raises Stopped
        (a KeyboardInterrupt) then; `search()` goes on from there. It ends earlier, and in order,
        after `timeout` ("2h"), or that of the study.

        Raises NoTrialError where no trial was completed, and the errors of data and storage.
        """
        wanted = None if trials is None else str(trials)
        check_wanted(wanted)
        try:
            span = self.settings.study.timeout if timeout is None else times.checked(timeout)
        except ValueError as error:
            raise StudyFileError(f"search: timeout: {error}") from None
        deadline = Deadline(span)
        view = search_view(progress, deadline)
        with quietly():
            with view:
                try:
                    problem = Problem.load(self.settings, tried=True, reading=view.reading)
                    store = search(
                        self.settings, view, trials=wanted, deadline=deadline, problem=problem
                    )
                except Interrupted:
                    told = _(
                        "stopped; nothing is lost: search() of {study!r} goes on from here",
                        study=self,
                    )
                    raise Stopped(told) from None
            with storage_errors(store.url):
                if deadline.stopped and not store.finished():
                    return
                check_result(store)
                if isinstance(view, NotebookView):
                    table = best_table(store.trials(), objective=store.objective)
                    meaning = definition(store.scoring, store.objective)
                    view.conclude([table, f"{meaning} {_(LUCK)}"])
            publish_plots(problem, store, notice=note)

    def status(self) -> Told:
        """How far it is, its best trials, what mattered; `rnnsearch status --json`."""
        store = Store(self.settings, create=False)
        with storage_errors(store.url):
            facts, trials = status(self.settings, store), store.trials()
        parts: list[Any] = [status_text(facts)]
        if facts["workers"]:
            parts.append(drivers_table(facts["workers"]))
        if facts["complete"]:
            parts.append(best_table(trials, objective=facts["objective"]))
            parts += [
                *comparison_parts(comparisons(trials)),
                *findings(facts, notes=describe(store.inputs)),
            ]
        return Told(facts, parts)

    def trials(self) -> pd.DataFrame:
        """One row per trial: state, skill, parameters, metrics, times; see `report.trials`."""
        store = Store(self.settings, create=False)
        with storage_errors(store.url):
            return trials_table(store)

    @property
    def best(self) -> Told | None:
        """The complete trial that the study values most; None before there is one.

        number, network, value, skill, gain, params (in the study file's words), metrics.
        """
        store = Store(self.settings, create=False)
        with storage_errors(store.url):
            trials = store.trials()
            first = next(iter(best_first(trained(trials))), None)
            if first is None:
                return None
            facts = {
                "number": first.number,
                "network": title(first.plain),
                "value": first.value,
                "skill": first.skill,
                "params": first.plain,
                "metrics": first.metrics,
            }
            table = best_table([first], objective=store.objective)
        return Told(facts, [table, _("its inputs: {names}", names=listed(first.inputs))])

    @property
    def optuna_study(self) -> optuna.Study:
        """The study as Optuna has it, to look at: `optuna.visualization`, `trials_dataframe()`."""
        return Store(self.settings, create=False).optuna_study

    def compare(self, *others: "Study | str | Path") -> Told:
        """How cells, date shifts and other choices fared; or this study beside `others`, as
        `rnnsearch compare`.
        """
        if others:
            meant = [one if isinstance(one, Study) else Study(one) for one in others]
            told = comparing.compare([self.settings, *(one.settings for one in meant)])
            return Told(told, comparison_tables(told))
        store = Store(self.settings, create=False)
        with storage_errors(store.url):
            compared = comparisons(store.trials())
        parts = [*comparison_parts(compared)] or ["nothing to compare yet"]
        return Told({"comparisons": [one.plain() for one in compared]}, parts)

    # --- the verdict

    def evaluate(
        self, *, top: int = 5, seeds: int = 3, again: bool = False, progress: bool | None = None
    ) -> Told:
        """Open the locked test once; what `rnnsearch evaluate --json` prints."""
        at_least("evaluate", "top", top, 1)
        at_least("evaluate", "seeds", seeds, 1)
        with quietly():
            problem = Problem.load(self.settings)
            if not self.settings.split.test:
                told = {"study": self.name, "verdict": {"sentence": UNTESTED_SENTENCE}}
                return Told(told, [UNTESTED_SENTENCE])
            answer = evaluate(
                self.settings,
                top=top,
                seeds=seeds,
                again=again,
                say=saying(progress),
                problem=problem,
            )
            if publish(problem, answer, champion_folder(self.settings), notice=note):
                publish_report(self.settings, problem=problem, notice=note)
        return Told(answer, evaluation_tables(answer))

    def report(self) -> Page:
        """Write the page of the study as `rnnsearch report` does, and show it in a notebook."""
        with quietly():
            facts = collect(self.settings)
            page = render(facts)
            path = write(self.name, page)
            publish_read(facts, page, notice=note)
        return Page(path, page)

    def figures(self) -> dict[str, Any]:
        """The figures of the page as Plotly objects, by name."""
        with quietly():
            return figures(
                one for section in pictures(collect(self.settings)).values() for one in section
            )

    def refit(
        self,
        data: str | Path | None = None,
        *,
        window: int | None = None,
        progress: bool | None = None,
    ) -> Told:
        """Train the champion on all rows known today; what `rnnsearch refit --json` prints."""
        if window is not None:
            at_least("refit", "window", window, 1)
        with quietly():
            path = None if data is None else path_of(data, "refit")
            renewed = renew(self.settings, data=path, window=window, say=saying(progress))
            model = publish_refit(self.settings, renewed["evaluated"], notice=note)
        return Told(renewed | {"model": model}, [*renewed["notes"], refit_text(renewed)])

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
        between("predict", "level", level, 0.5, 0.99)
        if origins is not None:
            at_least("predict", "origins", origins, 1)
        with quietly():
            path = None if data is None else path_of(data, "predict")
            answer = predict(self.settings, data=path, origins=origins, level=level, record=record)
        frame = pd.DataFrame(answer["forecasts"])
        dates = [forecast["target_date"] for forecast in answer["forecasts"]]
        frame["target_date"] = pd.Series(dates, dtype=object)  # None stays None
        frame.attrs |= {"verdict": answer["verdict"], "notes": answer["notes"]}
        return frame

    def explain(self, *, progress: bool | None = None) -> Told:
        """How far back the champion looks; what `rnnsearch explain --json` prints."""
        with quietly():
            told = explain(self.settings, say=saying(progress))
        return Told(told, explanation_tables(told))

    def journal(self, data: str | Path | None = None) -> Told:
        """What came true of the recorded forecasts; what `rnnsearch journal --json` prints."""
        with quietly():
            told = journal(self.settings, data=None if data is None else path_of(data, "journal"))
            publish_journal(self.settings, told, notice=note)
        return Told(told, journal_tables(told))
