"""The Theta method: half the trend of the past, and exponential smoothing."""

from rnnsearch.arrays import Floats, Rows
from rnnsearch.language import marked
from rnnsearch.scoring.baselines.base import (
    Baseline,
    Fitted,
    has_growth,
    of_growth,
    recent_log_prices,
)
from rnnsearch.scoring.inference.skipped import Skipped


def theta(close: Floats, target_rows: Rows, output_shift: int, history: slice) -> Fitted | Skipped:
    """Log growth (m,) by the Theta method on log prices.

    The slope b of a straight line and the weight alpha of simple exponential smoothing are fitted
    on the rows of `history` (the last 4,000 of them) and kept; the smoothed level s goes on with
    every row. From origin t, the T-th row, the forecast is
    `s[t] + b/2 (h - 1 + 1/alpha - (1 - alpha)^T / alpha)`.

    Skipped: fewer than 50 returns, returns that do not vary.

    Assimakopoulos & Nikolopoulos 2000, The theta model; Hyndman & Billah 2003, Unmasking the Theta
    method, eq. 5.
    """
    found = recent_log_prices(close, target_rows, output_shift, history)
    if isinstance(found, Skipped):
        return found

    from scipy.signal import lfilter
    from statsmodels.tsa.forecasting.theta import ThetaModel

    fit = ThetaModel(found.known, deseasonalize=False).fit(use_mle=False)
    slope, alpha = float(fit.params["b0"]), float(fit.params["alpha"])
    first = found.values[:1]
    # s[t] = alpha y[t] + (1 - alpha) s[t-1], which begins at the first value.
    level, _ = lfilter([alpha], [1, alpha - 1], found.values, zi=(1 - alpha) * first)
    beyond = (1 - (1 - alpha) ** (found.origins + 1.0)) / alpha if alpha > 0 else 0.0
    forecast = level[found.origins] + slope / 2 * (output_shift - 1 + beyond)
    return found.grown(forecast, f"alpha {alpha:.3f}")


BASELINE = Baseline(
    name="theta",
    meaning=marked(
        "the Theta method: half the average growth of the past, and exponential smoothing"
    ),
    applies=has_growth,
    forecast=of_growth(theta),
)
