"""Several studies: those that come with the package, and some beside each other."""

import json
from pathlib import Path
from typing import Annotated

import typer

from rnnsearch.cli.common import (
    AsJson,
    Command,
    Force,
    SomeSeries,
    Storage,
    app,
    known_studies,
    load_many,
)
from rnnsearch.language import _, in_language, users
from rnnsearch.shown import printable


@app.command(cls=Command)
def studies(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME]...", help="Those to copy, to change them.", show_default=False
        ),
    ] = None,
    force: Force = False,
) -> int:
    """List the sample studies that are installed, or copy some of them."""
    from rnnsearch.prepare.samples import copy, described
    from rnnsearch.terminal.tables import output, small_table

    if names:
        for path in copy(names, force=force):
            print(printable(_("written: {file}", file=path)))
        return 0
    table = small_table(_("Sample studies"))
    table.add_column(_("name"), no_wrap=True)
    table.add_column(_("what it searches"))
    for name, meaning in described().items():
        table.add_row(name, meaning)
    out = output()
    out.print(table)
    for command, why in (
        ("rnnsearch search NAME", _("runs one")),
        ("rnnsearch studies NAME", _("copies one, to change it")),
    ):
        out.print(f"{command:<22}   {why}", highlight=False, markup=False)
    return 0


@app.command(cls=Command)
def compare(
    studies: Annotated[
        list[Path],
        typer.Argument(
            metavar="STUDY...",
            help="Study files, or their names.",
            show_default=False,
            autocompletion=known_studies,
        ),
    ],
    series: SomeSeries = None,
    storage: Storage = None,
    page: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write it as a page (.html).", show_default=False),
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Compare studies: skill, verdict, and the settings that differ."""
    from rnnsearch.config import StudyFile
    from rnnsearch.report.shelf.comparing import compare
    from rnnsearch.report.shelf.page import check_page, write_page
    from rnnsearch.terminal.shelf import comparison_tables
    from rnnsearch.terminal.tables import output

    if page is not None:
        check_page(page)
    meant: list[StudyFile] = []
    for path in studies:
        study = load_many(path, series, run__storage=storage)
        if isinstance(study, StudyFile):
            meant.append(study)
        else:
            meant += [member.study for member in study.members]
    told = compare(meant)
    if page is not None:
        with in_language(users()):
            write_page(told, page)
    if as_json:
        print(json.dumps(told))
        return 0
    out = output()
    for part in comparison_tables(told):
        out.print(part, highlight=False, markup=False)
    if page is not None:
        print(printable(_("written: {file}", file=page)))
    return 0
