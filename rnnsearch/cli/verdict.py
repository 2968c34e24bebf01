"""What came out of a search: the verdict, the page, the next forecast."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rnnsearch.cli.common import (
    AsJson,
    Command,
    Device,
    SomeSeries,
    Storage,
    StudyPath,
    Tracking,
    app,
    chosen,
    load,
    load_many,
)
from rnnsearch.language import _, used
from rnnsearch.shown import printable

if TYPE_CHECKING:
    from rnnsearch.config import StudyFile


Newer = Annotated[
    Path | None, typer.Option(help="Newer prices (.csv, .parquet).", show_default=False)
]


@app.command(cls=Command)
def evaluate(
    study: StudyPath,
    top: Annotated[int, typer.Option(min=1, help="Best trials that may become champion.")] = 5,
    seeds: Annotated[int, typer.Option(min=1, help="Networks per candidate.")] = 3,
    again: Annotated[bool, typer.Option("--again", help="Open the test once more.")] = False,
    as_json: AsJson = False,
    device: Device = None,
    series: SomeSeries = None,
    storage: Storage = None,
    tracking: Tracking = None,
) -> int:
    """Open the locked test once: the champion against doing nothing and other baselines."""
    from rnnsearch.config import StudyFile, find_study
    from rnnsearch.publish.page import publish_report
    from rnnsearch.publish.registry import publish
    from rnnsearch.search.problem import Problem
    from rnnsearch.terminal.evaluated import evaluation_tables
    from rnnsearch.terminal.hints import after_evaluate
    from rnnsearch.terminal.tables import note, output
    from rnnsearch.verdict.evaluation import champion_folder, evaluate

    settings = load_many(
        study, series, run__device=device, run__storage=storage, run__tracking=tracking
    )
    if not isinstance(settings, StudyFile):
        from rnnsearch.cli.many import evaluate_many

        return evaluate_many(settings, top=top, seeds=seeds, again=again, as_json=as_json)
    problem = Problem.load(settings)
    if not settings.split.test:
        return _never_tested(settings.name, study, as_json)
    answer = evaluate(settings, top=top, seeds=seeds, again=again, say=note, problem=problem)
    model = publish(problem, answer, champion_folder(settings), notice=note)
    if model:
        publish_report(settings, problem=problem, notice=note)
    if as_json:
        print(json.dumps(answer))
        return 0
    out = output()
    for part in evaluation_tables(answer):
        out.print(part, highlight=False, markup=False)
    if model:
        out.print(_("champion in MLflow: {model}", model=model), highlight=False, markup=False)
    out.print(
        f"\n{after_evaluate(find_study(study))}", highlight=False, markup=False, soft_wrap=True
    )
    return 0


def _never_tested(name: str, study: Path, as_json: bool) -> int:
    """A study that keeps no rows to be tested on has no answer: what there is instead."""
    from rnnsearch.config import find_study
    from rnnsearch.terminal.hints import without_test
    from rnnsearch.terminal.tables import output
    from rnnsearch.verdict.renewal import UNTESTED_SENTENCE

    if as_json:
        print(json.dumps({"study": name, "verdict": {"sentence": UNTESTED_SENTENCE}}))
        return 0
    out = output()
    for text in (_(UNTESTED_SENTENCE), without_test(find_study(study))):
        out.print(text, highlight=False, markup=False, soft_wrap=True)
    return 0


@app.command(cls=Command)
def report(
    study: StudyPath,
    series: SomeSeries = None,
    storage: Storage = None,
    tracking: Tracking = None,
) -> int:
    """Write one page with the answer: it needs no network, reads on a telephone, and prints."""
    from rnnsearch.config import StudyFile
    from rnnsearch.publish.page import publish_read
    from rnnsearch.report.facts import collect
    from rnnsearch.report.page import render, write
    from rnnsearch.terminal.tables import note

    settings = load_many(study, series, run__storage=storage, run__tracking=tracking)
    if not isinstance(settings, StudyFile):
        from rnnsearch.cli.many import report_many

        return report_many(settings)
    facts = collect(settings)
    page = render(facts)
    for text in facts.notes:
        note(text)
    print(printable(str(write(settings.name, page))))
    publish_read(facts, page, notice=note)
    return 0


@app.command(cls=Command)
def refit(
    study: StudyPath,
    data: Newer = None,
    window: Annotated[
        int | None, typer.Option(help="Train on so many last rows.", show_default=False)
    ] = None,
    as_json: AsJson = False,
    device: Device = None,
    series: SomeSeries = None,
    storage: Storage = None,
    tracking: Tracking = None,
) -> int:
    """Train the champion's configuration on all that is known today; predict uses it then."""
    from rnnsearch.config import StudyFile

    settings = load_many(
        study, series, run__device=device, run__storage=storage, run__tracking=tracking
    )
    if not isinstance(settings, StudyFile):
        from rnnsearch.cli.many import refit_many
        from rnnsearch.many.predicting import newer_files

        return refit_many(settings, None if data is None else newer_files(settings, data), window)
    renewed, model = _refit(settings, data, window)
    if as_json:
        print(json.dumps(renewed | {"model": model}))
        return 0
    from rnnsearch.terminal.evaluated import refit_text
    from rnnsearch.terminal.tables import output

    out = output()
    text = _("{refit}; the answer stays that of the locked test", refit=refit_text(renewed))
    out.print(text, highlight=False, markup=False)
    if model:
        out.print(_("champion in MLflow: {model}", model=model), highlight=False, markup=False)
    return 0


def _refit(
    settings: "StudyFile", data: Path | None, window: int | None
) -> tuple[dict[str, Any], str | None]:
    from rnnsearch.publish.registry import publish_refit
    from rnnsearch.terminal.tables import note
    from rnnsearch.verdict.renewal import renew

    renewed = renew(settings, data=data, window=window, say=note)
    for text in renewed["notes"]:
        note(text)
    return renewed, publish_refit(settings, renewed["evaluated"], notice=note)


@app.command(cls=Command)
def predict(
    study: StudyPath,
    data: Newer = None,
    origins: Annotated[
        int | None,
        typer.Option(min=1, help="Forecast from so many last sessions.", show_default=False),
    ] = None,
    level: Annotated[float, typer.Option(min=0.5, max=0.99, help="Of the interval.")] = 0.9,
    refit: Annotated[bool, typer.Option("--refit", help="Train it on these prices first.")] = False,
    record: Annotated[
        bool, typer.Option("--record", help="Enter the forecasts in the journal.")
    ] = False,
    export: Annotated[
        Path | None,
        typer.Option(
            "--export",
            "--output",
            help="Write the forecasts to FILE (.csv, .json, .parquet).",
            show_default=False,
        ),
    ] = None,
    as_json: AsJson = False,
    series: SomeSeries = None,
    storage: Storage = None,
    tracking: Tracking = None,
) -> int:
    """Print the champion's next forecasts, each with its date."""
    from rnnsearch.config import StudyFile
    from rnnsearch.data.export import check_ending, write_table
    from rnnsearch.terminal.evaluated import prediction_table
    from rnnsearch.terminal.hints import exported
    from rnnsearch.terminal.tables import note, output
    from rnnsearch.verdict.prediction import predict

    if export is not None:
        check_ending(export)
    written = load(study, run__storage=storage, run__tracking=tracking)
    pooled = written.data.pool
    settings = written if pooled else chosen(written, series)
    if not isinstance(settings, StudyFile):
        from rnnsearch.cli.many import predict_many

        return predict_many(
            settings,
            data=data,
            origins=origins,
            level=level,
            record=record,
            refit=refit,
            export=export,
            as_json=as_json,
        )
    if refit:
        _refit(settings, data, None)
    answer = predict(settings, data=data, origins=origins, level=level, record=record)
    if pooled and series:
        from rnnsearch.many.predicting import rows_of

        answer["forecasts"] = rows_of(answer["forecasts"], series)
    for text in answer["notes"]:
        note(text)
    if export is not None:
        import pandas as pd

        write_table(pd.DataFrame(answer["forecasts"]), export)
    if as_json:
        print(json.dumps(answer))
    else:
        output().print(prediction_table(answer))
        trained = answer["trained"]
        if trained["last"]:
            told = {key: trained[key] for key in ("rows", "first", "last")}
            text = _("trained on {rows:,} rows, {first} to {last}", **told)
            text += _(" (a refit)") if trained["refit"] else ""
            output().print(text, highlight=False, markup=False)
        output().print(_verdict_of(settings, answer), highlight=False, markup=False)
        if recorded := answer["recorded"]:
            output().print(_recorded(recorded), highlight=False, markup=False)
        if export is not None:
            print(printable(exported(export, len(answer["forecasts"]))))
    return 0


def _verdict_of(study: "StudyFile", told: dict[str, Any]) -> str:
    """The verdict that `predict` tells, in the user's language."""
    if used() == "en":
        return str(told["verdict"])
    from rnnsearch.search.store.store import Store
    from rnnsearch.verdict.answers import stored_answer, told_sentence

    answer = stored_answer(Store(study, create=False))
    same = answer is not None and answer["verdict"]["sentence"] == told["verdict"]
    return told_sentence(answer) if answer and same else str(told["verdict"])


def _recorded(recorded: dict[str, int]) -> str:
    """How many forecasts the journal has taken."""
    text = _("journal: {new} new, {known} there already", **recorded)
    late = _("; {late} of them came too late to count", **recorded)
    return text + (late if recorded["late"] else "")
