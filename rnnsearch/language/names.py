"""Names that data have, as people read them: states, parameters, forecasts.

`_` translates them where they are shown; here they are marked for the catalogue.
"""

from rnnsearch.language import _, again, listed, marked

REASONS = (
    marked("needs {count} rows, has {known}"),
    marked("needs {count} sessions, has {known}"),
    marked("needs {count} training rows, has {known}"),
    marked("needs {count} daily returns, has {known}"),
    marked("needs {count} different trials, has {known}"),
    marked("needs two different trials, has {known}"),
    marked("needs {count} validation errors for {share}, has {known}"),
    marked("too few training rows ({known}) for the output shift"),
    marked("an error is not a finite number"),
    marked("a value is not a finite number"),
    marked("a gain is not a finite number"),
    marked("a move is not a finite number"),
    marked("the moves do not vary"),
    marked("the daily returns do not vary"),
    marked("the naive forecast is perfect on a block of rows"),
    marked("there are no trials"),
    marked("no series has rows to compare"),
    marked("all forecasts go the same way"),
    marked("all actual values go the same way"),
    marked(
        "the forecasts have {rises} rises and {falls} falls; at least {least} of each are needed"
    ),
    marked(
        "the actual values have {rises} rises and {falls} falls; at least {least} of each are "
        "needed"
    ),
    marked(
        "the forecasts have {rises} rises and {others} others; at least {least} of each are needed"
    ),
    marked(
        "an order needs {least} dates with forecasts of {fewest} series or more that differ, and "
        "the locked rows, of {count} series, have {known} with so many"
    ),
    marked(
        "an order needs {fewest} series or more with forecasts that differ on a date, and the "
        "locked rows are of {count}"
    ),
    marked("one of its refits has no forecast: {reason}"),
    marked("{measure} has no value on a block of rows: {error}"),
    marked("nothing is left to forecast: the actual values do not vary"),
    marked("the forecasts do not vary beyond what doing nothing knows"),
    marked("the forecast differs from the naive one by the same on every row"),
    marked("the two forecasts differ by the same loss on every row"),
    marked("nothing was earned or lost in any session"),
    marked("needs prices above 0"),
    marked("the fit did not converge"),
    marked(
        "it is fitted to each series alone, of which there may be {most}, and these are {count}"
    ),
)
"""Why something was not done, as evaluations keep it."""
COMPARED = (
    marked("the {most} trials with the smallest mean loss of {trials}"),
    marked("means of {step} consecutive rows"),
)
"""What a test compared where it was not all trials on all rows, as evaluations keep it."""
CHOSEN = (
    marked("{count} trees of {leaves} leaves"),
    marked("ARIMA({orders}) with drift"),
    marked("{name} of log prices"),
    marked("day {day}, week {week}, month {month}"),
    marked("another for each series"),
)
"""What baselines chose, as evaluations keep it."""
REFERENCES = (
    marked("close only"),
    marked("all inputs"),
    marked("the {count} best inputs"),
    marked("the {count} inputs found"),
    marked("the input found"),
)
"""What the trials before the sampling are called, as they keep it."""


def reason(text: str) -> str:
    """One of `REASONS` with its values, in the user's language."""
    return again(text, REASONS)


def compared(text: str) -> str:
    """Some of `COMPARED` with their values, in the user's language."""
    return listed(again(part, COMPARED) for part in text.split("; "))


def chosen(text: str) -> str:
    """One of `CHOSEN` with its values, in the user's language."""
    return again(text, CHOSEN)


def reference(text: str) -> str:
    """One of `REFERENCES`, in the user's language."""
    return again(text, REFERENCES)


def part(text: str) -> str:
    """A part of a network's weights, as an explanation keeps it: `layer 2 backward, reset`."""
    head, _separator, block = text.partition(", ")
    told = again(head, (marked("layer {layer} backward"), marked("layer {layer}")))
    return listed([told, _(block)])


STATES = (
    marked("complete"),
    marked("pruned"),
    marked("failed"),
    marked("running"),
    marked("waiting"),
    marked("interrupted"),
)
PARAMETERS = (
    marked("cell"),
    marked("layers"),
    marked("neurons"),
    marked("dropout"),
    marked("window"),
    marked("epochs"),
    marked("batch size"),
    marked("learning rate"),
    marked("optimizer"),
    marked("weight decay"),
    marked("averaging"),
    marked("scaler"),
    marked("clip"),
    marked("loss"),
    marked("inputs"),
    marked("input shift"),
    marked("output shift"),
)
TARGETS = (marked("log return"), marked("direction"), marked("level"))
GATES = (
    marked("forget"),
    marked("output"),
    marked("reset"),
    marked("update"),
    marked("new"),
)
FORECASTS = (
    marked("no_change"),
    marked("base_rate"),
    marked("a linear regression"),
    marked("a logistic regression"),
    marked("boosted trees"),
    marked("no change"),
    marked("average"),
    marked("base rate"),
    marked("the average of the past"),
    marked("the average move"),
    marked("the base rate"),
)
STUDIES = (marked("empty"), marked("being searched"), marked("done"), marked("stopped"))
COLUMNS = (
    marked("series"),
    marked("seen"),
    marked("forecast\nvolatility"),
    marked("low\nvolatility"),
    marked("high\nvolatility"),
    marked("unit"),
    marked("warmup"),
    marked("source"),
    marked("origin\ndate"),
    marked("sessions\nahead"),
    marked("target\ndate"),
    marked("forecast\nreturn"),
    marked("forecast\nprice"),
    marked("low\nprice"),
    marked("high\nprice"),
    marked("probability\nup"),
)
