"""Each choice of one parameter gets its share of the trials, whatever the sampler would rather try.

A sampler learns which cell does best and hardly tries the others again, so that they are
compared by a handful of trials. Balanced, the choice that was tried least comes next, and the
sampler has all else to say. What was tried is read from the store: a search that goes
on goes on balanced.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import optuna


def least_tried(choices: Sequence[Any], tried: Iterable[Any]) -> Any:
    """The choice that was tried least; of several the first.

    >>> least_tried(["lstm", "gru", "bilstm"], ["gru", "lstm", "lstm"])
    'bilstm'
    """
    counts = Counter(tried)
    return min(choices, key=lambda choice: counts[choice])


def balanced(
    sampler: optuna.samplers.BaseSampler, name: str, choice: Any
) -> optuna.samplers.BaseSampler:
    """A sampler that gives one parameter this value, and leaves the others to `sampler`."""
    return optuna.samplers.PartialFixedSampler({name: choice}, sampler)
