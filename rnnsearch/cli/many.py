"""What the commands do with a study of many series: the same, for each."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

from rnnsearch.language import _, counted, in_language, users

if TYPE_CHECKING:
    from rnnsearch.many.family import Family
    from rnnsearch.search.driver.deadline import Deadline

PAGES = 60  # series, for which evaluate writes the page of each: 5 MB


def search_many(
    family: "Family",
    path: Path,
    *,
    trials: str | None,
    deadline: "Deadline",
    fork_of: str | None,
    quiet: bool,
) -> int:
    """Search all series; `path` of the study file."""
    from rnnsearch.errors import AbsentStudyError
    from rnnsearch.many.family import study_name
    from rnnsearch.many.reading import notes, read_all
    from rnnsearch.many.searching import FailedSeries, search_all
    from rnnsearch.many.status import status
    from rnnsearch.publish.page import publish_plots
    from rnnsearch.search.searching import Interrupted
    from rnnsearch.search.store.store import Store
    from rnnsearch.shown import printable
    from rnnsearch.terminal.hints import after_search, to_go_on
    from rnnsearch.terminal.many import ManyViews, status_line, status_table
    from rnnsearch.terminal.tables import Terminal, note, output

    failed: FailedSeries | None = None
    again = f"`{to_go_on(path, deadline.text)}`"
    with ManyViews(
        Terminal(highlight=False), len(family.members), quiet=quiet, deadline=deadline
    ) as views:
        read = read_all(family, views.notice, tried=True, reading=views.reading)
        views.searching(len(read.problems))
        for text in notes(read):
            views.notice(text)
        try:
            search_all(
                family,
                read.problems,
                views,
                trials=trials,
                deadline=deadline,
                fork_of=lambda one: None if fork_of is None else study_name(fork_of, one.series),
            )
        except FailedSeries as error:
            failed = error
        except Interrupted as interrupted:
            views.notice(_("stopped; {command} goes on from here", command=again))
            return interrupted.exit_code
        if deadline.stopped:
            views.notice(
                _(
                    "stopped after {span}; {command} goes on from here",
                    span=deadline.text,
                    command=again,
                )
            )
    out = output()
    try:
        facts = status(family)
    except AbsentStudyError:  # its time was up before one began
        return 0
    out.print(status_line(facts), highlight=False, markup=False)
    out.print(status_table(facts))
    if fork_of is not None:
        print(printable(_("its study file: {file}\n", file=path)))
    left = max(facts["target_trials"] - facts["finished"], 0)
    out.print(after_search(path, left), highlight=False, markup=False, soft_wrap=True)
    begun = {row["series"] for row in facts["series"] if row["complete"]}
    for member, problem in read.problems.items():
        if member.series in begun:
            publish_plots(problem, Store(member.study, create=False), notice=note)
    if failed is not None:
        raise failed
    return 0


def show_status(family: "Family", *, as_json: bool) -> int:
    """A row per series."""
    from rnnsearch.many.status import status
    from rnnsearch.terminal.many import status_line, status_table
    from rnnsearch.terminal.tables import output

    facts = status(family)
    if as_json:
        print(json.dumps(facts))
        return 0
    out = output()
    out.print(status_line(facts), highlight=False, markup=False)
    out.print(status_table(facts))
    return 0


def evaluate_many(family: "Family", *, top: int, seeds: int, again: bool, as_json: bool) -> int:
    """Open the locked test of each series once; the verdicts are corrected over all of them."""
    from rnnsearch.many.index import write_index, write_page
    from rnnsearch.many.publishing import publish_above
    from rnnsearch.many.verdicts import evaluate_all
    from rnnsearch.publish.page import publish_read
    from rnnsearch.publish.registry import publish
    from rnnsearch.terminal.evaluated import evaluation_tables
    from rnnsearch.terminal.many import leaderboard
    from rnnsearch.terminal.tables import note, output
    from rnnsearch.verdict.evaluation import champion_folder

    problems = {}
    verdicts = evaluate_all(
        family,
        note,
        top=top,
        seeds=seeds,
        again=again,
        evaluated=lambda member, problem, answer: problems.update({member: problem}),
    )
    for member, problem in problems.items():
        answer, folder = verdicts.answers[member], champion_folder(member.study)
        model = publish(problem, answer, folder, notice=note)
        with in_language(users()):
            page = write_page(member, verdicts, problem) if len(family.every) <= PAGES else None
            if page and model:
                publish_read(*page[:2], notice=note)
    with in_language(users()):
        index = write_index(verdicts)
    publish_above(verdicts, problems, note)
    told = verdicts.plain()
    if as_json:
        print(json.dumps(told))
        return 0
    out = output()
    if len(family.members) == 1:
        for part in evaluation_tables(verdicts.answers[family.members[0]]):
            out.print(part, highlight=False, markup=False)
    else:
        out.print(verdicts.sentence, highlight=False, markup=False)
        out.print(leaderboard(told))
        for series, reason in told["missing"].items():
            out.print(f"{series}: {_(reason)}", highlight=False, markup=False)
    out.print(_("page: {file}", file=index), highlight=False, markup=False, soft_wrap=True)
    return 0


def report_many(family: "Family") -> int:
    """Write the page of each series, and that of all."""
    from rnnsearch.many.index import write_index, write_page
    from rnnsearch.many.verdicts import collect
    from rnnsearch.publish.page import publish_read
    from rnnsearch.shown import printable
    from rnnsearch.terminal.tables import note

    verdicts = collect(family)
    for member in family.members:
        if page := write_page(member, verdicts):
            print(printable(str(page[2])))
            publish_read(*page[:2], notice=note)
        else:
            note(
                _(
                    "{series}: no trial was completed, so there is nothing to report",
                    series=member.series,
                )
            )
    print(printable(str(write_index(verdicts))))
    return 0


def predict_many(
    family: "Family",
    *,
    data: Path | None,
    origins: int | None,
    level: float,
    record: bool,
    refit: bool,
    export: Path | None,
    as_json: bool,
) -> int:
    """One table of the next forecasts of all series."""
    import pandas as pd

    from rnnsearch.data.export import write_table
    from rnnsearch.many.predicting import gathered, newer_files, predict_all
    from rnnsearch.shown import printable
    from rnnsearch.terminal.hints import exported
    from rnnsearch.terminal.many import forecasts_table
    from rnnsearch.terminal.tables import note, output

    newer = None if data is None else newer_files(family, data)
    if refit:
        refit_many(family, newer, None, quiet=True)
    told, verdicts = predict_all(
        family, note, newer=newer, origins=origins, level=level, record=record
    )
    for text in gathered(told["notes"], family.name):
        note(text)
    if export is not None:
        write_table(pd.DataFrame(told["forecasts"]), export)
    if as_json:
        print(json.dumps(told))
        return 0
    out = output()
    out.print(forecasts_table(told))
    out.print(verdicts.sentence, highlight=False, markup=False)
    if told["recorded"]:
        counts = [one["new"] for one in told["recorded"].values()]
        print(
            counted(
                "journal: {count:,} new forecast of {series} series",
                "journal: {count:,} new forecasts of {series} series",
                sum(counts),
                series=len(counts),
            )
        )
    if export is not None:
        print(printable(exported(export, len(told["forecasts"]))))
    return 0


def refit_many(
    family: "Family", newer: dict[str, Path] | None, window: int | None, *, quiet: bool = False
) -> int:
    """Train each series' champion on all that is known today; one that cannot be is told."""
    from rnnsearch.errors import RnnsearchError
    from rnnsearch.many.predicting import newer_file, why
    from rnnsearch.publish.registry import publish_refit
    from rnnsearch.shown import printable
    from rnnsearch.terminal.evaluated import refit_text
    from rnnsearch.terminal.tables import note
    from rnnsearch.verdict.renewal import renew

    failed: list[RnnsearchError] = []
    for member in family.members:
        name = member.series
        try:
            path = newer_file(newer, name)
            renewed = renew(member.study, data=path, window=window, say=lambda text: None)
        except RnnsearchError as error:
            failed.append(error)
            note(f"{name}: {_(why(error))}")
            continue
        publish_refit(member.study, renewed["evaluated"], notice=note)
        if not quiet:
            print(printable(f"{name}: {refit_text(renewed)}"))
    return failed[0].exit_code if len(failed) == len(family.members) else 0
