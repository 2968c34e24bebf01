"""A search, how far it is, and its trials in MLflow."""

import json
import os
from typing import TYPE_CHECKING, Annotated

import typer

from rnnsearch.cli.common import (
    AsJson,
    Command,
    Device,
    SomeSeries,
    Storage,
    StudyPath,
    Tracking,
    alone,
    app,
    chosen,
    load,
    load_many,
)
from rnnsearch.errors import StudyFileError
from rnnsearch.language import _
from rnnsearch.shown import printable

if TYPE_CHECKING:
    from rnnsearch.config import StudyFile
    from rnnsearch.many.family import Family


@app.command(cls=Command)
def search(
    study: StudyPath,
    trials: Annotated[
        str | None,
        typer.Option(help="Finished trials to have (100), or to add (+50).", show_default=False),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Training processes.", show_default=False)
    ] = None,
    device: Device = None,
    engine: Annotated[
        str | None,
        typer.Option(
            help="local: processes; ray: a cluster; inline: this process; or of a package.",
            show_default=False,
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be started where.")
    ] = False,
    storage: Storage = None,
    tracking: Tracking = None,
    timeout: Annotated[
        str | None,
        typer.Option(
            help="Begin no trial after so long (90s, 45m, 2h, 1d, 1h30m).", show_default=False
        ),
    ] = None,
    series: SomeSeries = None,
    fork: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Begin a new study with the trials of this one that still apply.",
            show_default=False,
        ),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Only the result.")] = False,
) -> int:
    """Search a study, or go on where it stopped, until its trials are finished."""
    _check_timeout(timeout)
    settings = load(
        study,
        run__workers=workers,
        run__max_workers=workers,  # the same to Ray
        run__device=device,
        run__engine=engine,
        run__storage=storage,
        run__tracking=tracking,
        study__name=fork,
        study__timeout=timeout,
    )
    fork_of = None
    if fork is not None and (fork_of := load(study).name) == fork:
        raise StudyFileError(f"--fork: {study} is study {fork!r} already; give another name")
    if dry_run:
        return _dry_run(alone(chosen(settings, series)))
    from rnnsearch.search import engines
    from rnnsearch.search.driver.deadline import Deadline

    deadline = Deadline(settings.study.timeout)

    engine_ = engines.by_name(settings.run.engine)
    engine_.warm_up()  # takes as long as the imports that follow
    engine_.foresee(settings.run)
    from rnnsearch.config import StudyFile, find_study
    from rnnsearch.prepare.forked import study_file_of
    from rnnsearch.scoring.words import LUCK, definition
    from rnnsearch.search.problem import Problem
    from rnnsearch.search.searching import Interrupted, check_result, check_wanted, search
    from rnnsearch.search.store.databases import storage_errors
    from rnnsearch.search.store.records import tracking_uri
    from rnnsearch.terminal.hints import after_search, to_go_on
    from rnnsearch.terminal.live import SearchView
    from rnnsearch.terminal.tables import Terminal, best_table, note, output
    from rnnsearch.tracking import variable_unused

    check_wanted(trials)
    if unused := variable_unused(tracking_uri(settings)):
        note(unused)
    meant = chosen(settings, series)
    with study_file_of(find_study(study), fork) as path:
        if not isinstance(meant, StudyFile):
            from rnnsearch.cli.many import search_many

            return search_many(
                meant,
                path,
                trials=trials,
                deadline=deadline,
                fork_of=fork_of,
                quiet=quiet,
            )
        again = f"`{to_go_on(path, timeout)}`"
        left = 0
        with SearchView(Terminal(highlight=False), quiet=quiet, deadline=deadline) as view:
            try:
                problem = Problem.load(settings, tried=True, reading=view.reading)
                store = search(
                    settings,
                    view,
                    trials=trials,
                    fork_of=fork_of,
                    deadline=deadline,
                    problem=problem,
                )
            except Interrupted as interrupted:
                view.notice(_("stopped; {command} goes on from here", command=again))
                return interrupted.exit_code
            if deadline.stopped:
                with storage_errors(store.url):
                    done, target = store.finished(), store.target_trials
                view.notice(
                    _(
                        "stopped after {span}: {done} of {wanted} trials; {command} goes on from "
                        "here",
                        span=deadline.text,
                        done=done,
                        wanted=target,
                        command=again,
                    )
                )
                if not done:
                    return 0
                left = target - done
        with storage_errors(store.url):
            check_result(store)
            objective, scoring = store.objective, store.scoring
            table = best_table(store.trials(), objective=objective)
        out = output()
        out.print(table)
        out.print(
            f"{definition(scoring, objective)} {_(LUCK)}\n",
            highlight=False,
            markup=False,
        )
        if fork is not None:
            print(printable(_("its study file: {file}\n", file=path)))
        then = after_search(path, left, tested=bool(settings.split.test))
        out.print(then, highlight=False, markup=False, soft_wrap=True)

    # Last, with its imports of scikit-learn and matplotlib: nobody need wait for it.
    from rnnsearch.publish.page import publish_plots
    from rnnsearch.tracking import experiment_page

    publish_plots(problem, store, notice=note)
    if page := experiment_page(tracking_uri(settings), settings.name):
        print(_("\nin MLflow: {page}", page=page))
    return 0


def _check_timeout(timeout: str | None) -> None:
    """Tell a wrong flag as such, not as a key of the study file."""
    from rnnsearch.config.times import in_seconds

    try:
        if timeout is not None:
            in_seconds(timeout)
    except ValueError as error:
        raise StudyFileError(f"--timeout: {error}") from None


def _dry_run(settings: "StudyFile | Family") -> int:
    from rnnsearch.config import StudyFile
    from rnnsearch.prepare.placement import placement
    from rnnsearch.terminal.tables import frame_table, output

    if not isinstance(settings, StudyFile):
        from rnnsearch.cli.each import dry_run_many

        return dry_run_many(settings)
    plan = placement(settings)
    out = output()
    out.print("\n".join(plan.facts), highlight=False, markup=False)
    if plan.nodes is not None:
        out.print(frame_table(_("Nodes"), plan.nodes))
    return 0


@app.command(cls=Command)
def status(
    study: StudyPath,
    series: SomeSeries = None,
    as_json: AsJson = False,
    storage: Storage = None,
    tracking: Tracking = None,
) -> int:
    """Show how far a study is, and its best trials."""
    from rnnsearch.config import StudyFile
    from rnnsearch.report.comparisons import comparisons
    from rnnsearch.report.status import status
    from rnnsearch.search.inputs.candidates import describe
    from rnnsearch.search.store.databases import storage_errors
    from rnnsearch.search.store.store import Store
    from rnnsearch.terminal.compared import comparison_parts
    from rnnsearch.terminal.tables import best_table, drivers_table, findings, output, status_text

    settings = load_many(study, series, run__storage=storage, run__tracking=tracking)
    if not isinstance(settings, StudyFile):
        from rnnsearch.cli.many import show_status

        return show_status(settings, as_json=as_json)
    store = Store(settings, create=False)
    with storage_errors(store.url):
        facts, trials = status(settings, store), store.trials()
    if as_json:
        print(json.dumps(facts))
        return 0
    out = output()
    out.print(status_text(facts), highlight=False, markup=False)
    if facts["workers"]:
        out.print(drivers_table(facts["workers"]))
    if facts["complete"]:
        out.print(best_table(trials, objective=facts["objective"]))
        for part in (
            *comparison_parts(comparisons(trials)),
            *findings(facts, notes=describe(store.inputs)),
        ):
            out.print(part, highlight=False, markup=False)
    return 0


@app.command(cls=Command)
def sync(
    study: StudyPath,
    series: SomeSeries = None,
    storage: Storage = None,
    tracking: Tracking = None,
) -> int:
    """Make MLflow say what the study's store says: each trial once, with its final state."""
    from rnnsearch.config import StudyFile
    from rnnsearch.publish.journal import publish_journal
    from rnnsearch.publish.page import publish_plots
    from rnnsearch.search.problem import Problem
    from rnnsearch.search.searching import sync
    from rnnsearch.search.store.databases import storage_errors
    from rnnsearch.search.store.store import Store
    from rnnsearch.terminal.tables import note
    from rnnsearch.verdict.journal.reading import noted

    meant = load_many(study, series, run__storage=storage, run__tracking=tracking)
    if isinstance(meant, StudyFile):
        studies = {"": meant}
    else:
        studies = {one.series: one.study for one in meant.members}
    for name, settings in studies.items():
        problem = Problem.load(settings)
        done = sync(problem)
        of = _("{series}: ", series=name) if name else ""
        print(
            _(
                "MLflow: {of}{written} trials written, {kept} already there, {deleted} surplus "
                "runs deleted",
                of=of,
                **{key: done[key] for key in ("written", "kept", "deleted")},
            )
        )
        store = Store(settings, create=False)
        publish_plots(problem, store, notice=note)
        with storage_errors(store.url):
            told = noted(settings, store)
        if told is not None:
            publish_journal(settings, told, notice=note)
    return 0


@app.command(cls=Command)
def dashboard(
    tracking: Tracking = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 5000,
) -> int:
    """Open MLflow's pages on this machine."""
    from rnnsearch.tracking import serve_dashboard, uri_from_environment

    named = tracking or os.environ.get("RNNSEARCH_TRACKING") or uri_from_environment()
    return serve_dashboard(named, host, port)
