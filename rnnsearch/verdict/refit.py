"""A candidate trained once more, on every row before the locked test: the forecaster itself."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from rnnsearch.arrays import Floats, Rows
from rnnsearch.config import digest, kernels_folder
from rnnsearch.data.inputs.functions import FAMILY
from rnnsearch.data.inputs.indicators import KNOWN_AHEAD
from rnnsearch.data.inputs.own import PRICE_INPUTS, is_indicator
from rnnsearch.errors import RnnsearchError
from rnnsearch.language import _
from rnnsearch.model.device import describe, free_memory, worker_device
from rnnsearch.model.fold import FoldTensors
from rnnsearch.model.forecasting import kept_code
from rnnsearch.model.forecasting.bands import Moves
from rnnsearch.model.forecasting.forecaster import Forecaster
from rnnsearch.model.forecasting.history import History
from rnnsearch.model.forecasting.spec import ForecasterSpec
from rnnsearch.model.kernels.cache import kernels_for
from rnnsearch.model.networks.network import Network
from rnnsearch.model.paths import together
from rnnsearch.model.training import Diverged, Trainer
from rnnsearch.model.windows import Fold
from rnnsearch.own_code import OwnCode, split_reference
from rnnsearch.search.problem import Problem
from rnnsearch.search.trial.folds import PreparedFold, TrialData, prepare_fold, select_inputs
from rnnsearch.search.trial.parameters import TrialParameters
from rnnsearch.search.trial.runner import ACCUMULATE, training_settings
from rnnsearch.verdict.champion import Candidate, Say, seeds_of
from rnnsearch.version import __version__

if TYPE_CHECKING:
    from rnnsearch.model.kernels.program import Machine


def identity(problem: Problem, candidate: Candidate, seeds: int) -> str:
    """Equal for refits that would be the same networks."""
    return digest(
        problem.study.fingerprint(),
        problem.table.hash,
        candidate.trial.number,
        candidate.parameters.plain(),
        seeds,
        *problem.target.mark(candidate.formulation),
    )


def refit(problem: Problem, candidate: Candidate, seeds: int, say: Say) -> Forecaster | None:
    """Train the candidate on every row before the locked test, once per seed.

    A seed that diverges is left out and said so; None where all of them did. The interval comes
    from errors on validation rows, made by networks that had not seen them.
    """
    parameters = candidate.parameters
    known = problem.prices.close[: problem.split.refit.history.stop]
    origins = problem.split.validation - parameters.output_shift
    return fit(
        problem,
        problem.split.refit,
        parameters,
        seeds_of(parameters, seeds),
        formulation=candidate.formulation,
        spec=replace(
            spec_of(problem, parameters, candidate.trial.number),
            identity=identity(problem, candidate, seeds),
        ),
        errors=_validation_errors(problem, candidate),
        scales=Moves.fit(known, problem.target).at(known)[origins],
        say=say,
    )


def fit(
    problem: Problem,
    fold: Fold,
    parameters: TrialParameters,
    seeds: Sequence[int],
    *,
    formulation: int | None,
    spec: ForecasterSpec,
    errors: Floats,
    scales: Floats,
    say: Say,
) -> Forecaster | None:
    """Train a configuration on the rows of a fold, once per seed.

    `spec` says what it is, but for how it was trained; `errors` and `scales` are those of
    `Forecaster`, `formulation` is that of the study. A seed that diverges is left out and said so;
    None where all of them did.
    """
    trained = trained_networks(problem, fold, parameters, seeds, formulation, say)
    if trained is None:
        return None
    device, prepared, networks = trained
    dates, code, target = problem.prices.dates, code_of(problem, spec), prepared.target_scale
    return Forecaster(
        spec=replace(
            spec,
            target_mean=target.mean,
            target_scale=target.scale,
            target_start=target.start,
            target_relative=target.relative,
            target_least=target.least,
            later_scales=prepared.later_scales,
            **told_of_training(problem, fold, device, networks, code),
        ),
        networks=tuple(networks.values()),
        scaler=prepared.scaler,
        history=History(
            dates[: fold.history.stop].to_numpy("datetime64[us]"),
            problem.prices.close[: fold.history.stop],
        ),
        errors=errors,
        scales=scales,
        seen=_seen(problem, fold, parameters),
        code=code,
    )


def trained_networks(
    problem: Problem,
    fold: Fold,
    parameters: TrialParameters,
    seeds: Sequence[int],
    formulation: int | None,
    say: Say,
) -> tuple[torch.device, PreparedFold, dict[int, Network]] | None:
    """Where they were trained, on what, and the networks by seed; None where all diverged."""
    study = problem.study
    device = worker_device(study.run.device, 0, 1)
    data = TrialData(
        problem.table,
        problem.prices.quotes,
        problem.split,
        study.data.predict,
        formulation=formulation,
    )
    machine = kernels_for(study.run.kernels, device, kernels_folder(), say)
    table = select_inputs(parameters, data, device)
    prepared = prepare_fold(fold, parameters, data, device)
    networks: dict[int, Network] = {}
    for number, seed in enumerate(seeds, start=1):
        try:
            settled = replace(parameters, seed=seed)
            networks[seed] = train(problem, table, prepared.tensors, settled, machine)
            say(_("refitted {number} of {count}", number=number, count=len(seeds)))
        except Diverged as error:
            say(
                _(
                    "refit {number} of {count} is left out: it diverged ({error})",
                    number=number,
                    count=len(seeds),
                    error=error,
                )
            )
    if not networks:
        return None
    return device, prepared, networks


def told_of_training(
    problem: Problem,
    fold: Fold,
    device: torch.device,
    networks: Mapping[int, Network],
    code: Mapping[str, OwnCode],
) -> dict[str, Any]:
    """What a `ForecasterSpec` says of how it was trained; of rows of many series, too."""
    dates = problem.prices.dates
    return {
        "seeds": tuple(networks),
        "versions": {"rnnsearch": __version__, **describe(device, problem.study.run.precision)},
        "code": kept_code.listed(code),
        "trained_rows": len(fold.train),
        "trained_first": f"{dates[fold.train].min():%Y-%m-%d}",
        "trained_last": f"{dates[fold.train + problem.steps - 1].max():%Y-%m-%d}",
    }


def _seen(problem: Problem, fold: Fold, parameters: TrialParameters) -> NDArray[np.float32]:
    """(2, F) the lowest and the highest value of each input on the rows that training saw."""
    columns = problem.table.columns(parameters.inputs)
    rows = problem.table.values[fold.history][:, columns]
    return np.stack([np.nanmin(rows, axis=0), np.nanmax(rows, axis=0)])


def train(
    problem: Problem,
    table: torch.Tensor,
    fold: FoldTensors,
    parameters: TrialParameters,
    machine: "Machine | None",
) -> Network:
    """A network, trained as a trial's are. Raises Diverged."""
    study = problem.study
    for accumulate in ACCUMULATE:
        settings = training_settings(
            parameters, study.code, study.run.precision, accumulate, series=problem.series
        )
        trainer = Trainer(
            table, [fold], settings, loss=parameters.learnt_by(problem.target), machine=machine
        )
        try:
            for _ in trainer.run():
                pass
        except torch.OutOfMemoryError:
            free_memory(table.device)
            continue
        (network,) = trainer.networks
        network.eval()
        if not all(bool(weights.isfinite().all()) for weights in network.parameters()):
            raise Diverged("a weight is not a finite number after the last epoch")
        return network
    raise RnnsearchError(
        "the champion does not fit in the device's memory, also with its batch in four parts; "
        "free memory there or run `rnnsearch evaluate --device cpu`"
    )


def _validation_errors(problem: Problem, candidate: Candidate) -> Floats:
    """(m,) or (m, k), in the target's unit."""
    rows, close = problem.split.validation, problem.prices.close
    forecast: Floats = np.mean(candidate.forecasts, axis=0)
    return forecast - path_values(problem, close, rows, candidate.parameters.output_shift)


def path_values(problem: Problem, close: Floats, rows: Rows, output_shift: int) -> Floats:
    """What came: (n,), of a path (n, k)."""
    return together(
        [
            problem.target.values(close, rows + step, output_shift + step)
            for step in range(problem.steps)
        ]
    )


def code_of(problem: Problem, spec: ForecasterSpec) -> dict[str, OwnCode]:
    """The user's own files that the forecaster cannot do without."""
    reference = split_reference(spec.cell)
    needed = {spec.module, reference[0] if reference else None}
    return {name: code for name, code in problem.study.code.items() if name in needed}


def spec_of(problem: Problem, parameters: TrialParameters, trial: int) -> ForecasterSpec:
    """What the forecaster is, but for how it was trained."""
    study = problem.study
    columns = problem.table.columns(parameters.inputs)
    specs = [problem.table.specs[column] for column in columns]
    own = FAMILY in {spec.family for spec in specs}
    words = problem.prices.words
    extras = [words.get(s.name, (s.name,))[0] for s in specs if s.family in ("column", KNOWN_AHEAD)]
    section = study.data.model_dump(mode="json", exclude={"path", "pool"})
    if own:  # a function may use any column that it was given
        extras += problem.prices.sources
    # A newer file need not have what is not used.
    section["columns"] = list(dict.fromkeys(extras)) or "none"
    if not section["known_ahead"]:  # as earlier versions write it
        del section["known_ahead"]
    families = {spec.family for spec in specs}
    used = [join.family in families for join in study.data.join]
    section["join"] = [j for j, wanted in zip(section["join"], used, strict=True) if wanted]
    return ForecasterSpec(
        study=study.name,
        identity="",
        data=section,
        calendar=study.data.calendar,
        inputs=parameters.inputs,
        indicators=tuple(s.name for s in specs if s in PRICE_INPUTS or is_indicator(s)),
        input_shifts=parameters.shifts(specs),
        predict=study.data.predict,
        cell=parameters.cell,
        module=str(study.inputs.module) if own else None,
        neurons=parameters.neurons,
        dropout=parameters.dropout,
        window=parameters.window,
        head=parameters.head,
        output_shift=parameters.output_shift,
        target_mean=0.0,
        target_scale=1.0,
        seeds=(),
        trial=trial,
        versions={},
        known_ahead=tuple(spec.name for spec in specs if spec.ahead),
        measured=problem.prices.how,
        quantiles=parameters.quantiles,
    )
