"""What came true of the forecasts that were recorded."""

import json
from pathlib import Path
from typing import Annotated

import typer

from rnnsearch.cli.common import (
    AsJson,
    Command,
    SomeSeries,
    Storage,
    StudyPath,
    Tracking,
    app,
    one_or_many,
)
from rnnsearch.shown import printable


@app.command(cls=Command)
def journal(
    study: StudyPath,
    data: Annotated[
        Path | None, typer.Option(help="Newer prices (.csv, .parquet).", show_default=False)
    ] = None,
    export: Annotated[
        Path | None,
        typer.Option(
            help="Write every forecast to FILE (.csv, .json, .parquet).", show_default=False
        ),
    ] = None,
    as_json: AsJson = False,
    series: SomeSeries = None,
    storage: Storage = None,
    tracking: Tracking = None,
) -> int:
    """Say what came true of the recorded forecasts, and whether the model has drifted."""
    from rnnsearch.config import StudyFile
    from rnnsearch.data.export import check_ending
    from rnnsearch.publish.journal import publish_journal
    from rnnsearch.terminal.hints import exported
    from rnnsearch.terminal.journal import journal_tables
    from rnnsearch.terminal.tables import note, output
    from rnnsearch.verdict.journal.exporting import export as write
    from rnnsearch.verdict.journal.reading import journal

    if export is not None:
        check_ending(export)
    settings = one_or_many(study, series, run__storage=storage, run__tracking=tracking)
    if not isinstance(settings, StudyFile):
        from rnnsearch.cli.each import journal_many

        return journal_many(settings, data=data, export=export, as_json=as_json)
    told = journal(settings, data=data)
    for text in told["notes"]:
        note(text)
    if export is not None:
        write(told["forecasts"], export)
    publish_journal(settings, told, notice=note)
    if as_json:
        print(json.dumps(told))
        return 0
    out = output()
    for part in journal_tables(told):
        out.print(part, highlight=False, markup=False)
    if export is not None:
        print(printable(exported(export, len(told["forecasts"]))))
    return 0
