"""Remarks on prices and forecasts, which are kept in English and read in the user's language.

They are made where `--json`, MLflow and the store get them; `said` translates one where it is
shown.
"""

from rnnsearch.language import _, again, listed, marked

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
    marked(
        "newest inputs lie outside what training saw: {inputs}; a network knows nothing of such "
        "values, so what it says of the next change is a guess"
    ),
    marked(
        "newest inputs lie outside what training saw: {inputs}; a network knows nothing of such "
        "values, so its forecast tends back to prices that it has seen: search again with newer "
        "rows"
    ),
    marked(
        "newest inputs lie outside what training saw: {inputs}; a network knows nothing of such "
        "values, so its forecast tends back to prices that it has seen: `rnnsearch search STUDY "
        "--fork NAME` begins a study whose networks forecast the change from the last price"
    ),
    marked(
        "targets after the end of the file have no date: its rows are no days and not equally far "
        "apart, and calendars know days alone"
    ),
    marked(
        "targets after the end of the file have no date: its newest bars are not at the same times "
        "of day within every session of calendar = {calendar}"
    ),
    marked(
        "the weights know nothing of the newest sessions, a tenth or more of all; `rnnsearch refit "
        "{study}` trains them on all rows"
    ),
)
OF_SERIES = (
    marked(
        "{series}: the last prices, and so the forecasts, are older than the newest of all, of "
        "{date}"
    ),
    marked(
        "{series}: the network never saw a row of it, and the locked test says nothing about such "
        "series"
    ),
    marked(
        "{series}: the network never saw a row of these, and the locked test says nothing about "
        "such series"
    ),
    marked(
        "{series}: newest inputs lie outside what training saw, of which a network knows nothing; "
        "--json names them"
    ),
    marked(
        "{series}: no part in this study, for want of {rows} rows to train on before the locked "
        "test"
    ),
    marked("{series} is left out: {reason}"),
    marked("and {count} more notes on the prices"),
    marked("and {count} more are left out: --json has them all"),
)
ABOUT = marked("{series}: {text}")
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
    known = again(text, (*OF_SERIES, *OF_FILES, *OF_FORECASTS, *COMPARED))
    series, colon, rest = text.partition(": ")
    if known == text and colon and (told := again(rest, OF_FORECASTS)) != rest:
        return _(ABOUT, series=series, text=told)
    return known


def not_comparable(text: str) -> str:
    """One of `COMPARED`, its causes, too."""
    before, _paren, rest = text.partition(" (")
    causes, _end, after = rest.rpartition("), ")
    if not causes:
        return said(text)
    whole = again(causes, CAUSES[1:2])  # has commas of its own
    told = whole if whole != causes else listed(again(one, CAUSES) for one in causes.split(", "))
    return said(f"{before} ({told}), {after}")
