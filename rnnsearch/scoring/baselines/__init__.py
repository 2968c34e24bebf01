"""Forecasts that need no network.

    n  training rows      m  forecast rows      h  output shift      w  window      F  inputs

Target row `r` is forecast from its origin `t = r - h`. `close` (rows,) holds positive prices.
`persistence` and `drift` forecast prices (m,), `arima` log returns; ridge and logistic regression
forecast what they were trained on. A baseline that cannot be fitted returns `Skipped`.
"""

from rnnsearch.scoring.baselines.base import Fitted, Floats, Rows

__all__ = ["Fitted", "Floats", "Rows"]
