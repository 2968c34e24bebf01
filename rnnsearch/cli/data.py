"""Before a search: prices fetched and looked at, studies checked, inputs listed."""

import json
import sys
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from rnnsearch.cli.common import (
    Command,
    Device,
    Force,
    SomeSeries,
    StudyPath,
    app,
    load_many,
    load_one,
    one_or_many,
)
from rnnsearch.errors import StudyFileError
from rnnsearch.language import _
from rnnsearch.shown import printable


@app.command(cls=Command)
def fetch(
    ticker: Annotated[
        str, typer.Argument(metavar="TICKER", help="As Yahoo Finance writes it: 2330.TW, AAPL.")
    ],
    first: Annotated[
        str, typer.Option("--from", metavar="DATE", help="First day wanted: 2010-01-31.")
    ],
    last: Annotated[
        str | None,
        typer.Option(
            "--to",
            metavar="DATE",
            help="Last day wanted; left out: yesterday.",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="CSV file; left out: TICKER.csv.", show_default=False)
    ] = None,
    force: Force = False,
    update: Annotated[
        bool, typer.Option("--update", help="Continue a file that is there with newer rows.")
    ] = False,
) -> int:
    """Get daily prices from Yahoo Finance into a CSV file."""
    from rnnsearch.data.markets.yahoo import fetch
    from rnnsearch.terminal.hints import after_fetch
    from rnnsearch.terminal.tables import note

    begin, end = _day("--from", first), _day("--to", last) if last else None
    prices = fetch(ticker, begin, end, output, force=force, update=update)
    for text in prices.notes:
        note(text)
    told = _(
        "{file}: {rows} rows, {first} to {last}",
        file=prices.path,
        rows=prices.rows,
        first=prices.first,
        last=prices.last,
    )
    if update:
        print(printable(told + _(", {count} new", count=prices.new)))
        return 0
    print(printable(f"{told}\n"))
    print(printable(after_fetch(prices.path)))
    return 0


def _day(flag: str, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise StudyFileError(f"{flag}: a day is written like 2010-01-31, got {text!r}") from None


@app.command(cls=Command)
def init(
    data: Annotated[
        Path,
        typer.Argument(
            metavar="DATA",
            help="Prices (.csv, .xlsx, .parquet, .json, packed or not); a folder of them, or a "
            "pattern in quotes, 'stocks/*.csv'.",
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            help="Study file; left out: in studies/, else beside the data.", show_default=False
        ),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN", help="What to forecast; left out: the close.", show_default=False
        ),
    ] = None,
    series: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Which series of a file of several: AAPL; left out: each of them.",
            show_default=False,
        ),
    ] = None,
    columns: Annotated[
        str,
        typer.Option(
            metavar="NAMES", help="Further columns that become inputs: 'pe, margin', all or none."
        ),
    ] = "all",
    time_zone: Annotated[
        str | None,
        typer.Option(metavar="ZONE", help="Of its dates: America/New_York.", show_default=False),
    ] = None,
    calendar: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Its market: XNYS, XTAI, 24/7.", show_default=False),
    ] = None,
    force: Force = False,
) -> int:
    """Look at a price file, or many, and write a commented study file for it."""
    from rnnsearch.many.drafting import init
    from rnnsearch.terminal.hints import after_init
    from rnnsearch.terminal.tables import print_facts

    names = tuple(name.strip() for name in columns.split(",") if name.strip())
    draft = init(
        data,
        output,
        target=target,
        series=tuple(series or ()),
        columns="all" if names == ("all",) else "none" if names == ("none",) else names or "none",
        time_zone=time_zone,
        calendar=calendar,
        force=force,
    )
    print_facts(draft.facts, draft.warnings)
    print(printable(_("\nwritten: {file}. Change in it what you like, then:\n", file=draft.path)))
    print(printable(after_init(draft.path)))
    return 0


@app.command(cls=Command)
def check(
    study: StudyPath,
    canary: Annotated[
        str | None,
        typer.Option(
            metavar="COMMAND",
            help="Run a command that builds columns ('python build.py {input} {output}') on parts "
            "of the prices, to see that none looks ahead.",
            show_default=False,
        ),
    ] = None,
    series: SomeSeries = None,
    device: Device = None,
) -> int:
    """Report on the data, the space and the rows of every fold, and train one tiny trial."""
    from rnnsearch.config import StudyFile
    from rnnsearch.prepare.canary import check_columns
    from rnnsearch.prepare.preview import check
    from rnnsearch.terminal.tables import frame_table, output, print_facts

    out = output()
    if canary is not None:
        settings = load_one(study, series, run__device=device)
        if settings.data.pool:
            raise StudyFileError(
                "--canary: builds the columns of one file, and this study has many series; write "
                "pool = false, and name one with --series"
            )
        out.print(check_columns(settings, canary), highlight=False, markup=False)
        return 0
    meant = load_many(study, series, run__device=device)
    if isinstance(meant, StudyFile):
        report = check(meant)
        print_facts(report.facts, report.warnings)
    else:
        from rnnsearch.many.preview import check_all

        told = check_all(meant)
        report = told.first
        print_facts(told.facts, told.warnings)
        out.print(frame_table(_("Series"), told.series))
        print_facts(report.facts, ())
    out.print(frame_table(_("Space"), report.space), frame_table(_("Target rows"), report.rows))
    return 0


@app.command(cls=Command)
def inputs(
    study: StudyPath,
    series: SomeSeries = None,
    export: Annotated[
        Path | None,
        typer.Option(help="Write the table to FILE (.csv, .parquet).", show_default=False),
    ] = None,
) -> int:
    """List the candidate inputs with family, unit and warm-up, or export their values."""
    from rnnsearch.config import StudyFile
    from rnnsearch.data.inputs.build import export_inputs, input_listing
    from rnnsearch.search.problem import Problem
    from rnnsearch.terminal.tables import frame_table, output

    meant = one_or_many(study, series)
    if not isinstance(meant, StudyFile):
        from rnnsearch.cli.each import inputs_many

        return inputs_many(meant, export)
    problem = Problem.load(meant)
    if export is not None and problem.panel is not None:
        raise StudyFileError(
            f"--export: the inputs of {len(problem.panel.each)} series do not make one table of "
            "dates; write pool = false, and name one with --series"
        )
    if export is not None:
        export_inputs(problem.table, problem.prices.dates, export)
        told = _(
            "{file}: {rows} rows, {inputs} inputs",
            file=export,
            rows=len(problem.prices.dates),
            inputs=len(problem.table.names),
        )
        print(printable(told))
        return 0
    listing = input_listing(problem.table, problem.prices.dates)
    output().print(frame_table(_("Inputs"), listing.drop(columns=["first_date", "recursive"])))
    return 0


@app.command(cls=Command)
def schema() -> int:
    """Print the JSON schema of a study file, for editors."""
    from rnnsearch.config.keys import translated_schema

    readable = "utf" in (sys.stdout.encoding or "").lower()
    print(json.dumps(translated_schema(), indent=2, ensure_ascii=not readable))
    return 0
