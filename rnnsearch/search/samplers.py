"""Optuna's samplers and pruners, by the names a study file uses."""

import warnings
from typing import Any

import optuna

from rnnsearch.config import StudyFile

PATIENCE = 3


def build_sampler(study: StudyFile, seed: int) -> optuna.samplers.BaseSampler:
    """The sampler a study file names; QMC keeps one sequence, the others are seeded per trial."""
    samplers = optuna.samplers
    match study.study.sampler:
        case "tpe":
            return samplers.TPESampler(seed=seed)
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


class _Grid(optuna.samplers.BruteForceSampler):
    """Every combination once; the driver, which knows how many there are, decides when to stop."""

    def after_trial(self, *_: Any) -> None:
        """Not `Study.stop()`, which ask and tell do not have."""


def build_pruner(study: StudyFile) -> optuna.pruners.BasePruner:
    """The pruner a study file names.

    The median alone stops slow starters: a low learning rate looks hopeless in the first epochs.
    So a trial whose skill has still risen within the last PATIENCE epochs is left alone.
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
