"""Optuna's samplers and pruners, by the names a study file uses."""

import warnings
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.search_space import IntersectionSearchSpace
from optuna.trial import FrozenTrial

from rnnsearch.config import StudyFile

PATIENCE = 3


def build_sampler(
    study: StudyFile, seed: int, shared: IntersectionSearchSpace
) -> optuna.samplers.BaseSampler:
    """The sampler a study file names; QMC keeps one sequence, the others are seeded per trial.

    `shared` is one object for all trials that a driver asks for; it counts pruned trials too.
    """
    samplers = optuna.samplers
    match study.study.sampler:
        case "tpe":
            return _TPE(seed, shared)
        case "random":
            return samplers.RandomSampler(seed=seed)
        case "gp":
            return samplers.GPSampler(seed=seed)
        case "qmc":
            return samplers.QMCSampler(
                seed=study.study.seed,
                independent_sampler=samplers.RandomSampler(seed=seed),  # until a trial is complete
                warn_independent_sampling=False,
            )
        case "grid":
            return _Grid(seed=seed)


class _TPE(optuna.samplers.TPESampler):
    """Optuna's, but what all trials have in common outlives it: found anew it costs the most."""

    def __init__(self, seed: int, shared: IntersectionSearchSpace) -> None:
        super().__init__(seed=seed)
        self._shared = shared

    def infer_relative_search_space(
        self, study: optuna.Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        found = self._shared.calculate(study, use_cache=True)
        return {name: choices for name, choices in found.items() if not choices.single()}


class _Grid(optuna.samplers.BruteForceSampler):
    """Every combination once; the driver, which knows how many there are, decides when to stop."""

    def after_trial(self, *_: Any) -> None:
        """Not `Study.stop()`, which ask and tell do not have."""


def build_pruner(study: StudyFile) -> optuna.pruners.BasePruner:
    """The pruner a study file names.

    The median alone stops slow starters: a low learning rate looks hopeless in the first epochs.
    So a trial whose gain has still risen within the last PATIENCE epochs is left alone.
    """
    pruners = optuna.pruners
    match study.study.pruner:
        case "median":
            median = pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=3)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
                return pruners.PatientPruner(median, patience=PATIENCE)
        case "asha":
            return pruners.SuccessiveHalvingPruner(min_resource=4, reduction_factor=3)
        case "hyperband":
            return pruners.HyperbandPruner(min_resource=4, reduction_factor=3)
        case "none":
            return pruners.NopPruner()
