"""Names that data have, as people read them: states, parameters, forecasts.

`_` translates them where they are shown; here they are marked for the catalogue.
"""

from rnnsearch.language import marked

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
