"""The evaluation and the champion in MLflow: on the parent run, and as a registered model.

The model is `rnnsearch-STUDY`. Its alias `evaluated` is the champion that met the locked rows,
`champion` what `predict` uses: that one, or its newest refit. It is loaded through
`rnnsearch.publish.pyfunc`, so it holds no pickle, and `mlflow models serve` works with it.
"""

import contextlib
import csv
import json
import tempfile
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from rnnsearch import cells, targets
from rnnsearch.config import StudyFile, home
from rnnsearch.data.scratch import scratch
from rnnsearch.model.forecasting.spec import ForecasterSpec
from rnnsearch.search.problem import Problem
from rnnsearch.search.store.records import parent_record, tracking_uri
from rnnsearch.search.store.store import Store
from rnnsearch.tracking import Experiment, first_line, shown_uri
from rnnsearch.verdict.renewal import newest
from rnnsearch.version import __version__

ALIAS = "champion"
EVALUATED = "evaluated"
IDENTITY = "rnnsearch.champion"  # tag of a model version: which refit it is


def model_name(study: StudyFile) -> str:
    return f"rnnsearch-{study.name}"


def publish(
    problem: Problem,
    evaluation: dict[str, Any],
    champion: Path,
    *,
    notice: Callable[[str], None],
) -> str | None:
    """Put an evaluation on the study's parent run and register its champion, once.

    May be called again for the same evaluation: a champion that is registered is not registered a
    second time.

    Returns the URI of the registered model, or None where MLflow did not answer: the user is told,
    and the evaluation stays in the study's store. Raises StorageError where the newest refit of it
    is damaged.
    """
    uri = tracking_uri(problem.study)
    renewed = newest(problem.study, evaluation["champion"]["identity"])
    try:
        return _publish(problem, uri, evaluation, champion, renewed)
    except Exception as error:  # whatever MLflow raises; the answer itself is safe
        notice(
            f"{shown_uri(uri)}: MLflow did not take the evaluation ({first_line(error)}); "
            f"`rnnsearch evaluate` writes it when it is called again"
        )
        return None


def _publish(
    problem: Problem,
    uri: str,
    evaluation: dict[str, Any],
    champion: Path,
    renewed: tuple[Path, ForecasterSpec] | None,
) -> str:
    from mlflow.exceptions import MlflowException

    study = problem.study
    verdict = evaluation["verdict"]["sentence"]
    parent = parent_record(problem, Store(study, create=False).id, verdict)
    experiment = Experiment(uri, parent, home() / "artifacts")
    client, run = experiment.client, experiment.parent_run
    experiment.note_parent(
        metrics={
            f"test_{name}": value
            for name, value in evaluation["table"][0].items()
            if name != "forecast" and value is not None
        }
        | _of_steps(evaluation)
        | _earned(evaluation["trading"])
        | _beside(evaluation.get("pool"))
        | _held(evaluation.get("interval"))
        | _of_quantiles(evaluation.get("quantiles")),
        tags={
            "verdict": verdict,
            "trading": evaluation["trading"].get("sentence", "not traded"),
            "openings of the test": str(evaluation["openings"]),
            **({"beyond": evaluation["beyond"]["sentence"]} if "beyond" in evaluation else {}),
        },
        step=evaluation["opening"],
    )
    experiment.name_champion(evaluation["champion"]["trial"])
    with tempfile.TemporaryDirectory(dir=scratch()) as name:
        folder = Path(name)
        text = json.dumps(evaluation, indent=1, allow_nan=False)
        (folder / "evaluation.json").write_text(text, encoding="utf-8")
        _write_rows(folder / "table.csv", evaluation["table"])
        if rows := step_rows(evaluation):
            _write_rows(folder / "steps.csv", rows)
        if pool := evaluation.get("pool"):
            _write_rows(folder / "series.csv", pool["series"])
        else:
            _write_rows(folder / "forecasts.csv", forecast_rows(evaluation))
        if rows := account_rows(evaluation["trading"]):
            _write_rows(folder / "trading.csv", rows)
        client.log_artifacts(run, str(folder), "evaluation")
    with contextlib.suppress(MlflowException):  # it exists, or what follows fails too
        client.create_registered_model(model_name(study))
    client.update_registered_model(model_name(study), evaluation["verdict"]["sentence"])
    chosen = evaluation["champion"]
    version = _registered(experiment, study, champion, chosen["identity"], chosen["trial"])
    client.set_registered_model_alias(model_name(study), EVALUATED, version)
    if renewed is None:
        client.set_registered_model_alias(model_name(study), ALIAS, version)
        return f"models:/{model_name(study)}@{ALIAS}"
    return _register_refit(experiment, study, *renewed)


def publish_refit(study: StudyFile, evaluated: str, *, notice: Callable[[str], None]) -> str | None:
    """Register the newest refit of the evaluated champion, once, and move the alias to it.

    Returns the URI of the registered model; None where there is no refit, or MLflow did not answer:
    the user is told, and the refit stays in its folder.
    """
    uri, renewed = tracking_uri(study), newest(study, evaluated)
    if renewed is None:
        return None
    try:
        parent = parent_record(Problem.load(study), Store(study, create=False).id)
        return _register_refit(Experiment(uri, parent, home() / "artifacts"), study, *renewed)
    except Exception as error:  # whatever MLflow raises; the refit itself is safe
        notice(
            f"{shown_uri(uri)}: MLflow did not take the refit ({first_line(error)}); "
            "`rnnsearch refit` writes it when it is called again"
        )
        return None


def _register_refit(
    experiment: Experiment, study: StudyFile, folder: Path, spec: ForecasterSpec
) -> str:
    about = {"trained_rows": str(spec.trained_rows), "trained_last": spec.trained_last}
    version = _registered(experiment, study, folder, spec.identity, spec.trial, about)
    experiment.client.set_registered_model_alias(model_name(study), ALIAS, version)
    return f"models:/{model_name(study)}@{ALIAS}"


def _registered(
    experiment: Experiment,
    study: StudyFile,
    champion: Path,
    identity: str,
    trial: int,
    about: Mapping[str, str] | None = None,
) -> str:
    """The model version of a forecaster's folder; made where it is not there yet."""
    client, run = experiment.client, experiment.parent_run
    for known in client.search_model_versions(f"name = '{model_name(study)}'"):
        if known.tags.get(IDENTITY) == identity:
            return str(known.version)
    place = f"champion-{identity}"  # each version its own: an older one keeps its files
    with tempfile.TemporaryDirectory(dir=scratch()) as name:
        _save_model(Path(name) / "model", champion, study)
        client.log_artifacts(run, str(Path(name) / "model"), place)
    version = client.create_model_version(
        model_name(study),
        f"{client.get_run(run).info.artifact_uri}/{place}",
        run,
        tags={IDENTITY: identity, "trial": str(trial)} | dict(about or {}),
    )
    return str(version.version)


def _save_model(folder: Path, champion: Path, study: StudyFile) -> None:
    """An MLflow model folder around a forecaster's folder."""
    import mlflow.pyfunc
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, ParamSchema, ParamSpec, Schema

    from rnnsearch.model.forecasting.spec import read_spec  # torch

    outputs = ["origin_date", "target_date"]
    whose = [ColSpec("string", "series"), ColSpec("boolean", "seen")] if study.data.pool else []
    spec = read_spec(champion)
    numbers = [*targets.get(study.data.predict).columns]
    numbers += spec.quantile_columns if spec else ()
    signature = ModelSignature(
        outputs=Schema(
            [
                *whose,
                ColSpec("string", outputs[0]),
                ColSpec("long", "sessions_ahead"),
                ColSpec("string", outputs[1]),
                *(ColSpec("double", name) for name in numbers),
            ]
        ),
        params=ParamSchema([ParamSpec("origins", "long", 0), ParamSpec("level", "double", 0.9)]),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it would like an example of a whole price file
        mlflow.pyfunc.save_model(
            folder,
            loader_module="rnnsearch.publish.pyfunc",
            data_path=str(champion),
            signature=signature,
            pip_requirements=[f"rnnsearch=={__version__}", *_packages(champion)],
        )


def _packages(champion: Path) -> list[str]:
    """The packages that bring the champion's cell and target."""
    from rnnsearch.model.forecasting.spec import read_spec  # torch

    spec = read_spec(champion)
    if spec is None:
        return []
    needed = cells.package_of(spec.cell), targets.package_of(spec.predict)
    return [package for package in needed if package is not None]


def forecast_rows(evaluation: dict[str, Any]) -> list[dict[str, Any]]:
    """The test forecasts as rows: target date, actual, price at the origin, each forecast.

    Of a path each step has its rows, and `sessions_ahead` says which.
    """
    if "steps" in evaluation:
        return [
            {"sessions_ahead": step["ahead"]} | row
            for step in evaluation["steps"]
            for row in forecast_rows(step)
        ]
    names = list(evaluation["forecasts"])
    columns = zip(
        evaluation["dates"],
        evaluation["actual"],
        evaluation["origin_price"],
        *(evaluation["forecasts"][name] for name in names),
        strict=True,
    )
    keys = ["target_date", "actual", "origin_price", *names]
    return [dict(zip(keys, row, strict=True)) for row in columns]


def step_rows(evaluation: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The table of each step as rows; none where no path was evaluated."""
    return [
        {"sessions_ahead": step["ahead"]} | row
        for step in evaluation.get("steps", ())
        for row in step["table"]
    ]


def _of_steps(evaluation: Mapping[str, Any]) -> dict[str, float]:
    """The champion's metrics step by step; empty where no path was evaluated."""
    return {
        f"test_{name}_step_{number}": value
        for number, step in enumerate(evaluation.get("steps", ()), start=1)
        for name, value in step["table"][0].items()
        if name != "forecast" and value is not None
    }


def _earned(trading: Mapping[str, Any]) -> dict[str, float]:
    """The champion's account as metrics of MLflow; empty where nothing was traded."""
    accounts = {row["account"]: row for row in trading.get("table", ())}
    if not accounts:
        return {}
    told = {k: v for k, v in accounts["champion"].items() if k != "account"}
    told["sharpe_before_costs"] = accounts["before_costs"]["sharpe"]
    told["sharpe_buy_and_hold"] = accounts["buy_and_hold"]["sharpe"]
    told["break_even_cost"] = trading["break_even"]
    return {f"test_{name}": float(value) for name, value in told.items() if value is not None}


def _beside(pool: Mapping[str, Any] | None) -> dict[str, float]:
    """What forecasts of many series came to beside each other, as metrics of MLflow."""
    if not pool:
        return {}
    named = {"": pool["cross_section"], "long_short_": pool["long_short"]}
    return {
        f"test_{prefix}{key}": float(value)
        for prefix, found in named.items()
        for key, value in found.items()
        if isinstance(value, int | float)
    }


def _held(interval: Mapping[str, Any] | None) -> dict[str, float]:
    """What intervals held as metrics of MLflow: of all, by quarter, of the series at the ends."""
    if not interval:
        return {}
    quarters = enumerate(interval.get("quarters", ()), start=1)
    return {
        "test_interval_held": interval["share"],
        "test_interval_promised": interval["promised"],
        **{f"test_interval_held_quarter_{n}": quarter["share"] for n, quarter in quarters},
        **{
            f"test_interval_held_{which}": interval[which]["share"]
            for which in ("worst", "best")
            if which in interval
        },
    }


def _of_quantiles(found: Mapping[str, Any] | None) -> dict[str, float]:
    """How good the quantiles are as metrics of MLflow; empty where there are none."""
    if not found:
        return {}
    pairs = zip(found["levels"], found["covered"], strict=True)
    covered = {f"test_covered_q{100 * level:g}": share for level, share in pairs}
    return {"test_crps": found["crps"], "test_pinball_skill": found["skill"], **covered}


def account_rows(trading: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The accounts as rows: date, what is held, worth of each; none where nothing was traded."""
    if "equity" not in trading:
        return []
    columns = {"date": trading["dates"], "exposure": trading["exposure"], **trading["equity"]}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _write_rows(path: Path, rows: list[dict[str, Any]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(dict.fromkeys(key for row in rows for key in row)))
        writer.writeheader()
        writer.writerows(rows)
