"""What came true on rows that are walked through, and what doing nothing said of them."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from rnnsearch import targets
from rnnsearch.model.windows import Fold
from rnnsearch.targets import Quotes, Target
from rnnsearch.verdict.comparison import ScoredRows, scored_rows


def walked_rows(quotes: Quotes, folds: Sequence[Fold], horizon: int, target: Target) -> ScoredRows:
    """The validation rows of these folds, which follow each other, each held to what its own
    training rows say: averages are learnt anew as often as forecasts are."""
    blocks = [scored_rows(quotes, f.validation, horizon, target, f.train) for f in folds]
    every = np.concatenate([block.rows for block in blocks])
    whole = scored_rows(quotes, every, horizon, target, folds[0].train)
    variants = [target.naive(quotes, f.validation, horizon, f.train) for f in folds]
    naive = {}
    for name, known in variants[0].items():
        lines = [np.concatenate([one[name][v] for one in variants]) for v in range(len(known))]
        naive[name] = targets.hardest(whole.actual, lines)[1]
    place, _ = targets.hardest(whole.actual, list(naive.values()))
    return replace(
        whole,
        naive=naive,
        hardest=list(naive)[place],
        average=np.concatenate([np.full(len(block.rows), block.average) for block in blocks]),
        cut=np.concatenate([block.cut for block in blocks]),
    )
