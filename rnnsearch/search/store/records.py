"""A trial of the store as MLflow shall show it."""

import getpass
import json
from collections.abc import Mapping, Sequence
from typing import Any

from rnnsearch import cells
from rnnsearch.config import StudyFile, home
from rnnsearch.language import in_english
from rnnsearch.scoring import metrics
from rnnsearch.search.inputs.candidates import describe
from rnnsearch.search.problem import Problem
from rnnsearch.search.store.view import INTERRUPTED, TrialView
from rnnsearch.shown import code, markdown
from rnnsearch.tracking import (
    STATE,
    VERDICT,
    Parent,
    RunRecord,
    default_uri,
    uri_from_environment,
)

MOST_SCHEMA = 60_000  # characters; MLflow refuses more than 1,048,575, and older ones 65,535

DIRECT = "direct"


def title(parameters: dict[str, Any]) -> str:
    """A network in a few characters: `gru 2×64 w20 s0 h1`; `s0-3` where families differ, `h1-5` of
    a path. Another loss than that of most is named."""
    neurons = parameters["neurons"]
    alike = len(set(neurons)) == 1
    layers = f"{len(neurons)}×{neurons[0]}" if alike else "-".join(map(str, neurons))
    cell = cells.label(parameters["cell"])
    shift, ahead = _shifts(parameters.get("input_shift", 0)), parameters["output_shift"]
    last = ahead + parameters.get("steps", 1) - 1
    until = f"-{last}" if last > ahead else ""
    head = f" {parameters['head']}" if parameters.get("head", DIRECT) != DIRECT else ""
    name = f"{cell} {layers}{head} w{parameters['window']} s{shift} h{ahead}{until}"
    return f"{name} {parameters['loss']}" if "loss" in parameters else name


def _shifts(shift: int | dict[str, int]) -> str:
    if isinstance(shift, int):
        return str(shift)
    least, most = min(shift.values(), default=0), max(shift.values(), default=0)
    return f"{least}" if least == most else f"{least}-{most}"


def run_record(
    trial: TrialView,
    history: dict[str, list[float]] | None = None,
    *,
    abandoned: bool = False,
) -> RunRecord:
    """What MLflow shows of a trial; `history` of one that still runs, else it is in its record.

    `abandoned`: its driver is gone, so it is shown as interrupted.
    """
    parameters = trial.plain
    state = INTERRUPTED if abandoned else trial.state
    history = history or trial.curves
    reached = {name: history[name][-1] for name in ("skill", "gain") if history.get(name)}
    facts = {
        STATE: state,
        "seed": parameters.get("seed"),
        "reason": trial.reason,
        "duplicate_of": trial.duplicate_of,
        "reference": trial.reference,
        "retry_of": trial.retry_of,
        "forked_from": trial.forked_from,
        **trial.environment,
    }
    return RunRecord(
        number=trial.number,
        name=f"{trial.number:04d} {title(parameters)}" if parameters else f"{trial.number:04d}",
        state=state,
        started=trial.started.timestamp() if trial.started else 0.0,
        ended=trial.ended.timestamp() if trial.ended else None,
        params=shown_parameters(parameters | trial.as_drawn),
        # MLflow's page groups charts by what stands before a slash, and shows such groups first.
        history={f"epoch/{name}": values for name, values in history.items()},
        metrics=reached | trial.metrics,
        tags={key: str(value) for key, value in facts.items() if value is not None},
    )


def shown_parameters(parameters: dict[str, Any]) -> dict[str, str]:
    """A trial's parameters in the user's words, as text."""
    if not parameters:
        return {}
    shown = {key: value for key, value in parameters.items() if key not in ("seed", "clip")}
    neurons, inputs = shown.pop("neurons"), shown.pop("inputs")
    shown |= {
        "layers": len(neurons),
        "neurons": neurons[0] if len(set(neurons)) == 1 else " ".join(map(str, neurons)),
        "input_count": len(inputs),
        "inputs": ", ".join(inputs),
    }
    if isinstance(shifts := shown["input_shift"], dict):
        shown["input_shift"] = ", ".join(f"{family} {shift}" for family, shift in shifts.items())
    return {
        key: f"{value:.6g}" if isinstance(value, float) else str(value)
        for key, value in shown.items()
    }


@in_english()  # MLflow is everybody's
def parent_record(problem: Problem, study_id: str, verdict: str = "") -> Parent:
    """What MLflow shows of the study; `verdict` of its locked test, where it is known."""
    study, data = problem.study, problem.data_record()
    split = problem.split
    skill, gain = metrics.get("skill").meaning, metrics.get("gain").meaning
    if study.valued_by:
        by = problem.objective
        gain = f"what a search maximises, by {code(by.label)}: {markdown(by.meaning)}"
    meanings = f"`skill` is {skill}; `gain` is {gain}"
    description = (
        f"**{study.name}**: forecasts `{study.data.predict}` of {code(study.data.target)} in "
        f"{code(data['name'])} ({data['rows']} sessions, {data['first']} to {data['last']}).\n\n"
        "One child run per trial, measured on the validation rows of "
        f"{len(split.folds)} walk-forward folds. {meanings}. "
        + (
            f"The last {len(split.test)} target rows are locked until `evaluate`."
            if len(split.test)
            else "No rows are locked."
        )
    )
    told = describe(problem.candidates.record())
    description += "".join(f"\n\n{markdown(note[0].upper() + note[1:])}." for note in told)
    plain = study.model_dump(mode="json", exclude={"run"})
    params = {
        f"{section}.{key}": value if isinstance(value, str) else json.dumps(value)
        for section, keys in plain.items()
        for key, value in keys.items()
        if value is not None
    }
    dataset = _dataset(data, problem.table.names)
    if verdict:
        description = f"{VERDICT}{markdown(verdict)}\n\n{description}"
    tags = {
        "data_hash": data["hash"],
        "mlflow.user": _user(),
        "mlflow.source.name": f"rnnsearch search {study.family or study.name}",
        "mlflow.source.type": "LOCAL",
    }
    if study.family:
        tags["series"] = study.name.removeprefix(f"{study.family}.")
    return Parent(study.name, study_id, description, params, tags, study.family, dataset)


def _dataset(data: Mapping[str, Any], columns: Sequence[str]) -> dict[str, str]:
    """The prices as MLflow names data sets; without folders."""
    schema = [{"name": name, "type": "float"} for name in columns]
    profile = {key: data[key] for key in ("rows", "first", "last", "inputs")}
    told = {
        "name": str(data["name"])[:500],
        "digest": str(data["hash"])[:36],
        "source_type": "local",
        "source": json.dumps({"uri": data["name"]}),
        "profile": json.dumps(profile),
    }
    text = json.dumps({"mlflow_colspec": schema})
    return told | ({"schema": text} if len(text) < MOST_SCHEMA else {})


def _user() -> str:
    """Who searches; a container may have nobody."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # the last on Windows
        return "unknown"


def tracking_uri(study: StudyFile) -> str:
    """Where a study's trials are shown: as it says, as MLflow's own variable says, or here."""
    return study.run.tracking or uri_from_environment() or default_uri(home())
