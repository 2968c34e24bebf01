"""The evaluation and the champion in MLflow: on the parent run, and as a registered model.

The model is `rnnsearch-STUDY` with the alias `champion`. It is loaded through
`rnnsearch.model.serving`, so it holds no pickle, and `mlflow models serve` works with it.
"""

import csv
import json
import tempfile
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from rnnsearch import __version__
from rnnsearch.config import StudyFile, home
from rnnsearch.search.problem import Problem
from rnnsearch.search.records import parent_record, tracking_uri
from rnnsearch.tracking import Experiment, first_line, shown_uri

ALIAS = "champion"


def model_name(study: StudyFile) -> str:
    return f"rnnsearch-{study.name}"


def publish(
    study: StudyFile,
    evaluation: dict[str, Any],
    champion: Path,
    files: Iterable[Path] = (),
    *,
    notice: Callable[[str], None],
) -> str | None:
    """Put an evaluation on the study's parent run and register its champion.

    Returns the URI of the registered model, or None where MLflow did not answer: the user is told,
    and the evaluation stays in the study's store.
    """
    uri = tracking_uri(study)
    try:
        return _publish(study, uri, evaluation, champion, files)
    except Exception as error:  # whatever MLflow raises; the answer itself is safe
        notice(
            f"{shown_uri(uri)}: MLflow did not take the evaluation ({first_line(error)}); "
            f"`rnnsearch evaluate` writes it when it is called again"
        )
        return None


def _publish(
    study: StudyFile, uri: str, evaluation: dict[str, Any], champion: Path, files: Iterable[Path]
) -> str:
    from mlflow.exceptions import MlflowException

    problem = Problem.load(study)
    experiment = Experiment(uri, parent_record(problem), home() / "artifacts")
    client, run = experiment.client, experiment.parent_run
    row = evaluation["table"][0]
    experiment.note_parent(
        metrics={f"test_{name}": value for name, value in row.items() if name != "forecast"},
        tags={
            "verdict": evaluation["verdict"]["sentence"],
            "openings of the test": str(evaluation["openings"]),
        },
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "evaluation.json").write_text(json.dumps(evaluation, indent=1))
        _write_rows(folder / "table.csv", evaluation["table"])
        _write_rows(folder / "forecasts.csv", forecast_rows(evaluation))
        for file in folder.iterdir():
            client.log_artifact(run, str(file), "evaluation")
        for file in files:
            client.log_artifact(run, str(file))
        _save_model(folder / "model", champion, study)
        client.log_artifacts(run, str(folder / "model"), "champion")
    try:
        client.create_registered_model(
            model_name(study), description=evaluation["verdict"]["sentence"]
        )
    except MlflowException:  # it exists
        client.update_registered_model(model_name(study), evaluation["verdict"]["sentence"])
    source = f"{client.get_run(run).info.artifact_uri}/champion"
    version = client.create_model_version(model_name(study), source, run)
    client.set_registered_model_alias(model_name(study), ALIAS, version.version)
    return f"models:/{model_name(study)}@{ALIAS}"


def _save_model(folder: Path, champion: Path, study: StudyFile) -> None:
    """An MLflow model folder around a forecaster's folder."""
    import mlflow.pyfunc
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, ParamSchema, ParamSpec, Schema

    outputs = ["origin_date", "target_date"]
    numbers = ["forecast_return", "forecast_price", "low_price", "high_price"]
    if study.data.predict == "direction":
        numbers = ["probability_up"]
    signature = ModelSignature(
        outputs=Schema(
            [
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
            loader_module="rnnsearch.model.serving",
            data_path=str(champion),
            signature=signature,
            pip_requirements=[f"rnnsearch=={__version__}"],
        )


def forecast_rows(evaluation: dict[str, Any]) -> list[dict[str, Any]]:
    """The test forecasts as rows: target date, actual, price at the origin, each forecast."""
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


def _write_rows(path: Path, rows: list[dict[str, Any]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(dict.fromkeys(key for row in rows for key in row)))
        writer.writeheader()
        writer.writerows(rows)
