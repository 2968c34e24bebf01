"""GARCH(1, 1): a variance that returns to its mean, pushed by each squared return."""

from functools import partial

from rnnsearch.language import marked
from rnnsearch.scoring.baselines.base import Baseline
from rnnsearch.scoring.baselines.volatility.arch_models import garch
from rnnsearch.scoring.baselines.volatility.levelled import of_volatility

# Bollerslev 1986, Generalized autoregressive conditional heteroskedasticity.
BASELINE = Baseline(
    name="garch",
    meaning=marked("GARCH(1, 1): a variance that tends back to its mean, pushed by each return"),
    applies=of_volatility,
    forecast=partial(garch, leverage=False),
    many="none",  # minutes for a hundred series
)
