"""GJR-GARCH: as GARCH(1, 1), where a fall may push more than a rise."""

from functools import partial

from rnnsearch.language import marked
from rnnsearch.scoring.baselines.base import Baseline
from rnnsearch.scoring.baselines.volatility.arch_models import garch
from rnnsearch.scoring.baselines.volatility.levelled import of_volatility

# Glosten, Jagannathan & Runkle 1993, On the relation between the expected value and the volatility
# of the nominal excess return on stocks.
BASELINE = Baseline(
    name="gjr",
    meaning=marked("GJR-GARCH: as GARCH, where a fall pushes the variance more than a rise"),
    applies=of_volatility,
    forecast=partial(garch, leverage=True),
    many="none",  # minutes for a hundred series
)
