"""Names that data have, as people read them: states, parameters, forecasts.

`_` translates them where they are shown; here they are marked for the catalogue.
"""

from rnnsearch.language import again, marked

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
    marked("nothing is left to forecast: the actual values do not vary"),
    marked("the forecasts do not vary beyond what doing nothing knows"),
    marked("the forecast differs from the naive one by the same on every row"),
    marked("the two forecasts differ by the same loss on every row"),
    marked("nothing was earned or lost in any session"),
    marked("needs prices above 0"),
    marked("the fit did not converge"),
)
"""Why something was not done, as evaluations keep it."""
CHOSEN = (
    marked("{count} trees of {leaves} leaves"),
    marked("ARIMA({orders}) with drift"),
    marked("{name} of log prices"),
    marked("day {day}, week {week}, month {month}"),
)
"""What baselines chose, as evaluations keep it."""


def reason(text: str) -> str:
    """One of `REASONS` with its values, in the user's language."""
    return again(text, REASONS)


def chosen(text: str) -> str:
    """One of `CHOSEN` with its values, in the user's language."""
    return again(text, CHOSEN)


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
    marked("origin\ndate"),
    marked("sessions\nahead"),
    marked("target\ndate"),
    marked("forecast\nreturn"),
    marked("forecast\nprice"),
    marked("low\nprice"),
    marked("high\nprice"),
    marked("probability\nup"),
)
