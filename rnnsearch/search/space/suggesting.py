"""From the study file's space to the parameters of one trial. The only file that suggests.

The space is static: every parameter that is not fixed is suggested in every trial, also where the
trial has no use for it (dropout of one layer, neurons of a third layer of two). In a static space
multivariate samplers learn from all trials; `TrialParameters` then keeps only what has an effect,
so that two trials which train the same network are seen to be the same.
"""

import math
from dataclasses import replace
from decimal import Decimal
from typing import Any

from optuna.trial import BaseTrial

from rnnsearch.config import FloatRange, IntRange, StudyFile, digest, extremes
from rnnsearch.config.space import DIRECT
from rnnsearch.config.study import QUANTILE
from rnnsearch.data.inputs.build import InputTable
from rnnsearch.errors import StudyFileError
from rnnsearch.search.inputs.candidates import Candidates
from rnnsearch.search.trial.parameters import TrialParameters


def suggest(trial: BaseTrial, study: StudyFile, candidates: Candidates) -> TrialParameters:
    """Draw a trial's parameters. Its seed follows from them and the study's seed alone."""
    space = study.space
    layers = _suggest(trial, "layers", space.layers)
    if space.neurons_per == "layer":
        most = max(extremes(space.layers))
        each = [_suggest(trial, f"neurons_{i + 1}", space.neurons) for i in range(most)]
        neurons = tuple(each[:layers])
    else:
        neurons = (_suggest(trial, "neurons", space.neurons),) * layers
    values = {
        name: _suggest(trial, name, getattr(space, name))
        for name, parameter in space.drawn.items()
        if parameter.alone
    }
    if layers == 1:
        values["dropout"] = 0.0
    if values["loss"] == QUANTILE:
        values["quantiles"] = space.quantiles
    if values["head"] == DIRECT:
        values["teacher_forcing"] = 0.0
    inputs = _suggest_inputs(trial, study, candidates)
    parameters = TrialParameters(
        **values,
        neurons=neurons,
        inputs=inputs,
        input_shift=_suggest_input_shift(trial, study, candidates.table, inputs),
        clip=space.clip,
        steps=study.data.steps,
    )
    seed = int(digest(study.study.seed, parameters.key), 16) % 2**31
    return replace(parameters, seed=seed)


def _suggest(trial: BaseTrial, name: str, dimension: Any) -> Any:
    match dimension:
        case IntRange(low=low, high=high, log=log, step=step):
            return trial.suggest_int(name, low, high - (high - low) % step, log=log, step=step)
        case FloatRange(low=low, high=high, log=log, step=step):
            last = high if step is None else nearest(dimension, high)
            return trial.suggest_float(name, low, last, log=log, step=step)
        case tuple():
            return trial.suggest_categorical(name, dimension)
        case fixed:
            return fixed


def _suggest_inputs(trial: BaseTrial, study: StudyFile, candidates: Candidates) -> tuple[str, ...]:
    """The names of the trial's inputs, in the table's order; the target's own are always in."""
    table, names = candidates.table, candidates.names
    family_of = {spec.name: spec.family for spec in table.specs}
    match study.inputs.search:
        case "ranked":
            families = {f for f in candidates.families if _suggest_family(trial, f)}
            best = [name for name in names if family_of[name] in families]
            count = most_inputs(study, candidates)
            chosen = set(
                best[: trial.suggest_int("input_count", 1, count, log=True)] if count else ()
            )
        case "each":
            chosen = {
                name for name in names if trial.suggest_categorical(f"input.{name}", (True, False))
            }
        case "families":
            families = {f for f in candidates.families if _suggest_family(trial, f)}
            chosen = {name for name in names if family_of[name] in families}
        case "all":
            chosen = set(names)
    return tuple(name for name in table.names if name in chosen or name in table.always)


def most_inputs(study: StudyFile, candidates: Candidates) -> int:
    """The most inputs that a ranked trial may choose."""
    return min(len(candidates.names), study.inputs.max or len(candidates.names))


def _suggest_input_shift(
    trial: BaseTrial, study: StudyFile, table: InputTable, inputs: tuple[str, ...]
) -> int | dict[str, int]:
    """One shift, or one per family; of these only the families that the trial uses matter."""
    dimension = study.space.input_shift
    if study.space.input_shift_per == "trial":
        shift: int = _suggest(trial, "input_shift", dimension)
        return shift
    families = shifted_families(table)
    shifts = {family: _suggest(trial, f"input_shift.{family}", dimension) for family in families}
    used = {spec.family for spec in table.specs if spec.name in inputs}
    return {family: shift for family, shift in shifts.items() if family in used}


def shifted_families(table: InputTable) -> tuple[str, ...]:
    """Families with an input shift: not what is known ahead, which is not delayed."""
    return tuple(dict.fromkeys(spec.family for spec in table.specs if not spec.ahead))


def _suggest_family(trial: BaseTrial, family: str) -> bool:
    return bool(trial.suggest_categorical(f"family.{family}", (True, False)))


# --- what surrounds the sampling ----------------------------------------------------------------


def nearest(dimension: Any, wish: Any) -> Any:
    """The value of a dimension that lies nearest to a wish."""
    match dimension:
        case IntRange(low=low, high=high, step=step):
            steps = round((min(max(wish, low), high) - low) / step)
            return low + min(steps, (high - low) // step) * step
        case FloatRange(low=low, high=high, step=step):
            clipped = min(max(wish, low), high)
            if step is None:
                return clipped
            steps = min(round((clipped - low) / step), _steps(low, high, step))
            return float(Decimal(str(low)) + steps * Decimal(str(step)))
        case tuple() if wish in dimension or isinstance(wish, str):
            return wish if wish in dimension else dimension[0]
        case tuple():
            return min(dimension, key=lambda value: abs(value - wish))
        case fixed:
            return fixed


def dimension_size(dimension: Any) -> float:
    """How many values a dimension has: infinite for a float range without a step."""
    match dimension:
        case IntRange(low=low, high=high, step=step):
            return (high - low) // step + 1
        case FloatRange(low=low, high=high, step=step):
            if step is None:
                return math.inf if high > low else 1
            return 1 + _steps(low, high, step)
        case tuple():
            return len(dimension)
        case _:
            return 1


def _steps(low: float, high: float, step: float) -> int:
    """How many whole steps fit; 0.1 fits into 0.0 .. 0.5 five times, whatever floats make of it."""
    return int((Decimal(str(high)) - Decimal(str(low))) // Decimal(str(step)))


def space_sizes(study: StudyFile, candidates: Candidates) -> dict[str, float]:
    """Number of values of every suggested parameter, by name; 1 where it is fixed."""
    space = study.space
    sizes = {name: dimension_size(getattr(space, name)) for name in space.drawn}
    if space.neurons_per == "layer":
        sizes["neurons"] **= max(extremes(space.layers))
    if space.input_shift_per == "family":
        sizes["input_shift"] **= len(shifted_families(candidates.table))
    inputs, families = len(candidates.names), len(candidates.families)
    match study.inputs.search:
        case "each":
            sizes["inputs"] = 2.0**inputs if inputs < 1000 else math.inf
        case "families":
            sizes["inputs"] = 2.0**families
        case "ranked":
            sizes["inputs"] = 2.0**families * max(most_inputs(study, candidates), 1)
    return sizes


def grid_size(study: StudyFile, candidates: Candidates) -> int:
    """Number of combinations. Raises StudyFileError where there is no end of them."""
    sizes = space_sizes(study, candidates)
    endless = [name for name, size in sizes.items() if math.isinf(size)]
    if endless:
        raise StudyFileError(
            '[study] sampler: "grid" tries every combination, but there is no end of values for '
            f"[space] {', '.join(endless)}; give a step or a list of choices, or another sampler"
        )
    return int(math.prod(sizes.values()))
