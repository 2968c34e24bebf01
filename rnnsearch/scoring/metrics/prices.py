"""Errors of the prices that forecasts mean."""

from rnnsearch.language import marked
from rnnsearch.scoring.metrics.base import PERCENT, PRICE, Metric, priced
from rnnsearch.scoring.metrics.errors import mae, mape, mase, r2, rmse

METRICS = (
    Metric(
        key="price_rmse",
        label=marked("price RMSE"),
        function=lambda s: rmse(s.prices.actual, s.prices.forecast),
        unit=PRICE,
        better="lower",
        meaning=marked("root mean squared error of the price"),
        applies=priced,
        naive=True,
    ),
    Metric(
        key="price_mae",
        label=marked("price MAE"),
        function=lambda s: mae(s.prices.actual, s.prices.forecast),
        unit=PRICE,
        better="lower",
        meaning=marked("mean absolute error of the price"),
        applies=priced,
    ),
    Metric(
        key="price_mape",
        label=marked("price MAPE"),
        function=lambda s: mape(s.prices.actual, s.prices.forecast),
        unit=PERCENT,
        format=".3f",
        better="lower",
        meaning=marked("mean absolute error in percent of the price"),
        applies=priced,
        naive=True,
    ),
    Metric(
        key="price_r2",
        label=marked("price R²"),
        function=lambda s: r2(s.prices.actual, s.prices.forecast),
        format=".5f",
        better="higher",
        meaning=marked("near 1 for any forecast close to the last price, so it says little"),
        applies=priced,
    ),
    Metric(
        key="price_mase",
        label=marked("price MASE"),
        function=lambda s: mase(s.prices.actual, s.prices.forecast, s.moved),
        better="lower",
        meaning=marked("price MAE over the mean move before the rows, over as many sessions"),
        applies=priced,
    ),
)
