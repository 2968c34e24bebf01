"""What came out of a search: the verdict, the page, the next forecast."""

import json
from pathlib import Path
from typing import Annotated

import typer

from rnnsearch.cli.common import AsJson, Device, Storage, StudyPath, Tracking, app, load
from rnnsearch.shown import printable


@app.command()
def evaluate(
    study: StudyPath,
    top: Annotated[int, typer.Option(min=1, help="Best trials that may become champion.")] = 5,
    seeds: Annotated[int, typer.Option(min=1, help="Networks per candidate.")] = 3,
    again: Annotated[bool, typer.Option("--again", help="Open the test once more.")] = False,
    as_json: AsJson = False,
    device: Device = None,
    storage: Storage = None,
    tracking: Tracking = None,
) -> int:
    """Open the locked test once: the champion against doing nothing and other baselines."""
    from rnnsearch.publish.page import publish_report
    from rnnsearch.publish.registry import publish
    from rnnsearch.search.problem import Problem
    from rnnsearch.terminal.tables import evaluation_tables, note, output
    from rnnsearch.verdict.evaluation import champion_folder, evaluate

    settings = load(study, run__device=device, run__storage=storage, run__tracking=tracking)
    problem = Problem.load(settings)
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
        out.print(f"champion in MLflow: {model}", highlight=False, markup=False)
    return 0


@app.command()
def report(study: StudyPath, storage: Storage = None, tracking: Tracking = None) -> int:
    """Write one page with the answer: it needs no network, reads on a telephone, and prints."""
    from rnnsearch.publish.page import publish_page
    from rnnsearch.report.facts import collect
    from rnnsearch.report.page import render, write
    from rnnsearch.terminal.tables import note

    settings = load(study, run__storage=storage, run__tracking=tracking)
    facts = collect(settings)
    page = render(facts)
    print(printable(str(write(settings.name, page))))
    publish_page(facts, page, notice=note)
    return 0


@app.command()
def predict(
    study: StudyPath,
    data: Annotated[
        Path | None, typer.Option(help="Newer prices (.csv, .parquet).", show_default=False)
    ] = None,
    origins: Annotated[
        int | None,
        typer.Option(min=1, help="Forecast from so many last sessions.", show_default=False),
    ] = None,
    level: Annotated[float, typer.Option(min=0.5, max=0.99, help="Of the interval.")] = 0.9,
    as_json: AsJson = False,
    storage: Storage = None,
) -> int:
    """Print the champion's next forecasts, each with its date."""
    from rnnsearch.terminal.tables import note, output, prediction_table
    from rnnsearch.verdict.prediction import predict

    answer = predict(load(study, run__storage=storage), data=data, origins=origins, level=level)
    for text in answer["notes"]:
        note(text)
    if as_json:
        print(json.dumps(answer))
    else:
        output().print(prediction_table(answer))
        output().print(answer["verdict"], highlight=False, markup=False)
    return 0
