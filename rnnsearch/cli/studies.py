"""Studies beside each other: those that come with the package."""

from typing import Annotated

import typer

from rnnsearch.cli.common import Force, app
from rnnsearch.shown import printable


@app.command()
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
            print(printable(f"written: {path}"))
        return 0
    table = small_table("Sample studies")
    table.add_column("name", no_wrap=True)
    table.add_column("what it searches")
    for name, meaning in described().items():
        table.add_row(name, meaning)
    out = output()
    out.print(table)
    out.print("rnnsearch search NAME    runs one", highlight=False, markup=False)
    out.print("rnnsearch studies NAME   copies one, to change it", highlight=False, markup=False)
    return 0
