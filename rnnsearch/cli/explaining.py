"""How far back the champion looks, and why gates help."""

import json

from rnnsearch.cli.common import (
    AsJson,
    Command,
    Device,
    OneSeries,
    Storage,
    StudyPath,
    app,
    load_one,
)


@app.command(cls=Command)
def explain(
    study: StudyPath,
    as_json: AsJson = False,
    device: Device = None,
    series: OneSeries = None,
    storage: Storage = None,
) -> int:
    """Say how far back the champion looks, beside a plain RNN, an LSTM and a GRU."""
    from rnnsearch.config import find_study
    from rnnsearch.terminal.explained import explanation_tables
    from rnnsearch.terminal.hints import after_explain
    from rnnsearch.terminal.tables import note, output
    from rnnsearch.verdict.explanation.explaining import explain

    settings = load_one(study, series, run__device=device, run__storage=storage)
    told = explain(settings, say=note)
    if as_json:
        print(json.dumps(told))
        return 0
    out = output()
    for part in explanation_tables(told):
        out.print(part, highlight=False, markup=False)
    out.print(
        f"\n{after_explain(find_study(study))}", highlight=False, markup=False, soft_wrap=True
    )
    return 0
