"""Remarks on prices and forecasts, which are kept in English and read in the user's language.

They are made where `--json`, MLflow and the store get them; `said` translates one where it is
shown.
"""

from rnnsearch.language import again, listed, marked

OF_FILES = (
    marked("{file}: is not UTF-8, so its text is read as {encoding}."),
    marked("{file}: numbers are read so: {examples}."),
    marked("{file}: years of dates are counted from 1911: {example}."),
    marked("{file}: columns are read so: {columns}."),
    marked("{file}: column {name} is not numeric and is ignored."),
    marked("{file}: {count} line of text is left out, the first is {text}."),
    marked("{file}: {count} lines of text are left out, the first is {text}."),
)
OF_FORECASTS = (
    marked(
        "the weights were trained on rows until {last}, and the {count} sessions since are "
        "{share} % of all; `rnnsearch refit {study}` trains them on all rows"
    ),
    marked(
        "targets after the end of the file have no date; name its market, such as calendar = "
        '"{market}", in [data]'
    ),
    marked(
        "newest inputs lie outside what training saw: {inputs}; a network knows nothing of such "
        "values"
    ),
    marked(
        "{known} of {count} targets are rows that trained the weights; how near these forecasts "
        "come says nothing about the others"
    ),
)
OF_DRAFTS = (
    marked("data: {file}, {count} daily bars, {first} to {last}"),
    marked("columns: {names}"),
    marked("target: {kind} of {column}"),
    marked("inputs: the target itself and {count} more to choose from"),
    marked(
        "folds: {count}, the last trains on {train} days and validates on {validation}; {test} are "
        "locked"
    ),
)
OF_EVALUATIONS = (
    marked("validating the best {trials} trials with {seeds} seeds each"),
    marked("validated {done} of {count}"),
    marked("refitting trial {number} on all rows before the test"),
    marked("refitted {done} of {count}"),
    marked("opening the locked test (opening number {number})"),
    marked("fitting {count} baselines: {names}"),
    marked("compiling kernels for this processor, once (a few seconds)"),
)
"""How far an evaluation is."""

COMPARED = (
    marked(
        "not on the same rows and targets ({causes}), so a larger skill is not a better network"
    ),
    marked("the best of {most} trials looks better by luck than that of {least}"),
)
CAUSES = (
    marked("other prices"),
    marked("other ranges of windows and shifts, or other joined series"),
    marked("another {key}"),
)


def said(text: str) -> str:
    """A remark in the user's language; what is no known one stays as it is."""
    return again(text, (*OF_FILES, *OF_FORECASTS, *OF_DRAFTS, *OF_EVALUATIONS, *COMPARED))


def not_comparable(text: str) -> str:
    """One of `COMPARED`, its causes, too."""
    before, _, rest = text.partition(" (")
    causes, _, after = rest.rpartition("), ")
    if not causes:
        return said(text)
    whole = again(causes, CAUSES[1:2])  # has commas of its own
    told = whole if whole != causes else listed(again(one, CAUSES) for one in causes.split(", "))
    return said(f"{before} ({told}), {after}")
