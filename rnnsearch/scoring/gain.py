"""Skill that shifts can be compared by: what a search maximises.

    h  output shift      e  naive forecast's errors `y - b` of a fold (m,)      g  `f - b` (m,)

Targets of `h > 1` overlap: each session's move is in `h` of them. A forecast that changes slowly is
then right or wrong by the same moves again and again, so chance alone makes skill spread up to `h`
times as wide as at `h = 1`, and the best of many trials without ability has a long shift. The mean
of `e g`, on which skill hangs, has a variance that is

    kappa = sum over |k| < h of rho_e(k) rho_g(k)

times what it were without overlap (Bartlett 1946, On the theoretical specification and sampling
properties of autocorrelated time-series; Hodrick 1992, Dividend yields and expected stock returns,
has it for returns). What was learnt from overlapping training targets is as much noisier, so skill
by chance is `kappa` times as wide, and `skill / kappa` is not.
"""

from collections.abc import Sequence

import numpy as np

from rnnsearch.arrays import Floats


def overlap(errors: Sequence[Floats], bets: Sequence[Floats], horizon: int) -> float:
    """`kappa`, from 1 to `horizon`, of the folds' `e` and `g`, whose rows follow each other.

    Autocorrelations are about 0 and pooled over the folds: a bet that is the same on every row is
    as slow as one can be. Without a bet (`g` is 0) it is `horizon`.
    """
    if horizon == 1:
        return 1.0
    power = sum(float(g @ g) for g in bets)
    if power == 0:
        return float(horizon)
    kappa = 1.0 + 2.0 * sum(
        _correlation(errors, lag) * _correlation(bets, lag) for lag in range(1, horizon)
    )
    return float(np.clip(kappa, 1.0, horizon))


def gain(skill: float, errors: Sequence[Floats], bets: Sequence[Floats], horizon: int) -> float:
    """`skill / kappa`; at `horizon` 1 it is skill itself."""
    return skill / overlap(errors, bets, horizon)


def _correlation(blocks: Sequence[Floats], lag: int) -> float:
    """Autocorrelation about 0 at a lag, over all blocks; 0 where they are 0."""
    power = sum(float(block @ block) for block in blocks)
    if power == 0:
        return 0.0
    return sum(float(block[lag:] @ block[:-lag]) for block in blocks) / power
