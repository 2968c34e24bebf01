"""Which inputs, date shifts and parameters earned their place in a search.

All that is said here is about validation rows, and about the trials that the search chose to try:
an input that is "with" good trials may only have been in good company. The permutation importance
says what the best trials' own networks would lose without it (see `search.trial.importance`).

Skills below Tukey's fence (the lower quartile less 1.5 interquartile ranges) count as the fence, so
that one network that learnt nonsense does not decide a mean.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnsearch.language import again, marked
from rnnsearch.search.driver.asking import MEASURED_TRIALS
from rnnsearch.search.store.store import Store
from rnnsearch.search.store.view import COMPLETE, TrialView, best_first, trained

MIN_TRIALS = 10
"""Fewest complete trials for the importance of parameters."""

ALL = marked("all inputs")
"""The family of a shift that all inputs share."""

FEW = marked("needs {count} complete trials")
SAME = marked("all trials have the same gain")
NONE_VARIED = marked("no parameter varied")
ROUGH = marked("rough: {count} trials for {parameters} sampled parameters")
REPEATS = marked("repeats {input}")
CONSTANT = marked("constant")
"""Notes, which are plain JSON and so English: `in_words` says them in the user's language."""


def in_words(note: str) -> str:
    """A note of `Importance`, or why an input is left out, in the user's language."""
    return again(note, (FEW, ROUGH, REPEATS))


@dataclass(frozen=True, kw_only=True)
class InputStatistics:
    """What a search says about one input.

    `chosen` of the `trials` complete trials used it, with the mean `gain_with`; the others had
    `gain_without`. None where there is no such trial. `rank` is its place in the ranking (1 is
    first) and `evidence` that of the ranking; None where inputs were not ranked. The first and last
    of the `lags` at which it acts, and the input that it acts together with, are told of one that
    the ranking found. `left_out` is why no trial could choose it. `permutation` is how much skill
    the best trials lose when the input is shuffled.
    """

    input: str
    family: str | None
    chosen: int
    trials: int
    gain_with: float | None
    gain_without: float | None
    rank: int | None = None
    evidence: float | None = None
    lags: list[int] | None = None
    partner: str | None = None
    left_out: str | None = None
    permutation: float | None = None

    @property
    def worth(self) -> float | None:
        """Mean gain with the input less that without it."""
        if self.gain_with is None or self.gain_without is None:
            return None
        return self.gain_with - self.gain_without


@dataclass(frozen=True)
class ShiftGain:
    """Mean gain of the `trials` complete trials with these shifts, in sessions."""

    input_shift: int
    output_shift: int
    gain: float
    trials: int


@dataclass(frozen=True)
class Importance:
    """How much of the differences in gain each parameter explains on its own; the shares sum to 1.

    `parameters` is empty where that cannot be told; `note` says why, or how far to trust it.
    """

    parameters: dict[str, float]
    trials: int
    note: str


def input_statistics(
    trials: Sequence[TrialView], known: Sequence[Mapping[str, Any]] = ()
) -> list[InputStatistics]:
    """Each input, the most convincing first; plus what the study knew of it before its trials.

    Ordered by permutation importance, then by worth, then by how often it was chosen.
    `known`: all inputs, as `Candidates.record` tells them.
    """
    complete = trained(trials)
    used = [frozenset(trial.inputs) for trial in complete]
    gains = fenced([trial.value or 0.0 for trial in complete])
    facts = {fact["input"]: fact for fact in known}
    losses = _permutation_losses(complete)
    statistics = []
    for name in dict.fromkeys([*facts, *(name for inputs in used for name in sorted(inputs))]):
        has = np.array([name in inputs for inputs in used], dtype=bool)
        fact = facts.get(name, {})
        statistics.append(
            InputStatistics(
                input=name,
                family=fact.get("family"),
                chosen=int(has.sum()),
                trials=len(complete),
                gain_with=_mean(gains[has]),
                gain_without=_mean(gains[~has]),
                rank=fact.get("rank"),
                evidence=fact.get("evidence"),
                lags=fact.get("lags"),
                partner=fact.get("partner"),
                left_out=_left_out(fact),
                permutation=losses.get(name),
            )
        )
    return sorted(statistics, key=_conviction)


def _left_out(fact: Mapping[str, Any]) -> str | None:
    if "repeats" in fact:
        return REPEATS.format(input=fact["repeats"])
    return CONSTANT if "constant" in fact else None


def _permutation_losses(complete: Sequence[TrialView]) -> dict[str, float]:
    """Input -> skill that those of the best trials lose which used it, on average."""
    losses = defaultdict(list)
    for trial in best_first(complete)[:MEASURED_TRIALS]:
        for name, loss in trial.permutation.items():
            losses[name].append(loss)
    return {name: float(np.mean(each)) for name, each in losses.items()}


def _conviction(one: InputStatistics) -> tuple[float, float, int]:
    return (
        np.inf if one.permutation is None else -one.permutation,
        np.inf if one.worth is None else -one.worth,
        -one.chosen,
    )


def shift_gain(trials: Sequence[TrialView]) -> dict[str, list[ShiftGain]]:
    """Mean gain by input shift and output shift: of all inputs, or of each family.

    A study gives all inputs one shift, told under `ALL`, or one per family; then a family's cells
    count the trials that used it.
    """
    complete = trained(trials)
    cells: dict[str, dict[tuple[int, int], list[float]]] = defaultdict(lambda: defaultdict(list))
    for trial, gain in zip(complete, fenced([t.value or 0.0 for t in complete]), strict=True):
        shifts = trial.input_shift
        for family, shift in (shifts if isinstance(shifts, dict) else {ALL: shifts}).items():
            cells[family][shift, trial.output_shift].append(float(gain))
    return {
        family: [
            ShiftGain(*shifts, float(np.mean(gains)), len(gains))
            for shifts, gains in sorted(found.items())
        ]
        for family, found in sorted(cells.items())
    }


def parameter_importance(store: Store) -> Importance:
    """Over all complete trials (see `Store.importance`); what chooses inputs counts as `inputs`.

    Neurons of several layers and shifts of several families are added up likewise.
    """
    trials = store.trials(COMPLETE)
    if len(trials) < MIN_TRIALS:
        return Importance({}, len(trials), FEW.format(count=MIN_TRIALS))
    values = fenced([trial.value or 0.0 for trial in trials])
    if not np.ptp(values) > 0:
        return Importance({}, len(trials), SAME)

    shares = store.importance(
        {trial.number: float(value) for trial, value in zip(trials, values, strict=True)}
    )
    groups: dict[str, float] = defaultdict(float)
    for name, share in shares.items():
        groups[_group(name)] += float(share)
    if not groups or not np.isfinite(list(groups.values())).all():
        return Importance({}, len(trials), NONE_VARIED)
    rough = len(trials) < 5 * len(shares)
    return Importance(
        dict(sorted(groups.items(), key=lambda item: -item[1])),
        len(trials),
        ROUGH.format(count=len(trials), parameters=len(shares)) if rough else "",
    )


def _group(name: str) -> str:
    """The parameter's name in the study file."""
    stem = name.split(".")[0]
    if stem in ("family", "input", "input_count"):
        return "inputs"
    return "neurons" if stem.startswith("neurons_") else stem


def fenced(gains: Sequence[float]) -> NDArray[np.float64]:
    """The gains, none of them below Tukey's lower fence."""
    values = np.asarray(gains, dtype=np.float64)
    if not len(values):
        return values
    low, high = np.quantile(values, [0.25, 0.75])
    return np.clip(values, low - 1.5 * (high - low), None)


def _mean(values: NDArray[np.float64]) -> float | None:
    return float(values.mean()) if len(values) else None
