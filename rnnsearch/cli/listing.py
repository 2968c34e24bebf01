"""Which studies are there? In a module of its own, as its command is called `list`."""

import json

from rnnsearch.cli.common import AsJson, Command, Storage, app


@app.command(cls=Command)
def list(storage: Storage = None, as_json: AsJson = False) -> int:
    """List the studies that were searched here, with their best skill and verdict."""
    from rnnsearch.report.shelf.listing import listing
    from rnnsearch.terminal.shelf import listing_table
    from rnnsearch.terminal.tables import output

    told = listing(storage)
    if as_json:
        print(json.dumps(told))
    else:
        output().print(listing_table(told))
    return 0
