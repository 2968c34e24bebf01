"""The evaluation and the champion in MLflow."""

import json
from pathlib import Path

import pytest

from rnnsearch.model.forecasting.spec import read_spec
from rnnsearch.publish.registry import model_name, publish
from rnnsearch.search.problem import Problem
from rnnsearch.search.store.records import tracking_uri
from rnnsearch.verdict.evaluation import champion_folder
from tests.helpers.evaluated import Evaluated, answer_again, command
from tests.helpers.searches import runs_of


@pytest.mark.slow
def test_mlflow_has_the_evaluation_and_the_champion_once(evaluated: Evaluated) -> None:
    from mlflow import MlflowClient

    study, folder = evaluated.study, champion_folder(evaluated.study)
    model = publish(Problem.load(study), evaluated.answer, folder, notice=pytest.fail)
    assert model == "models:/rnnsearch-small@champion"
    assert publish(Problem.load(study), evaluated.answer, folder, notice=pytest.fail) == model
    again = answer_again(evaluated, again=True)
    publish(Problem.load(study), again, folder, notice=pytest.fail)  # the same champion
    client = MlflowClient(tracking_uri(study))
    versions = client.search_model_versions(f"name = '{model_name(study)}'")
    assert [str(v.version) for v in versions] == ["1"]
    other = answer_again(evaluated, seeds=1, again=True)
    publish(Problem.load(study), other, folder, notice=pytest.fail)
    best = client.get_model_version_by_alias(model_name(study), "champion")
    assert str(best.version) == "2"
    assert best.tags["rnnsearch.champion"] == other["champion"]["identity"]

    ((parent,), _) = runs_of(evaluated.path)
    assert parent.data.metrics["test_skill"] == pytest.approx(other["table"][0]["skill"])
    assert parent.data.tags["openings of the test"] == "3"
    assert parent.data.tags["verdict"] == other["verdict"]["sentence"]
    names = {file.path for file in client.list_artifacts(parent.info.run_id, "evaluation")}
    files = ("evaluation.json", "table.csv", "forecasts.csv", "trading.csv")
    assert names == {f"evaluation/{name}" for name in files}
    path = client.download_artifacts(parent.info.run_id, "evaluation/evaluation.json")
    assert json.loads(Path(path).read_text()) == other
    path = client.download_artifacts(parent.info.run_id, "evaluation/forecasts.csv")
    assert len(Path(path).read_text().splitlines()) == other["test"]["rows"] + 1
    for version in versions:  # the first one still holds its own files
        file = Path(version.source.removeprefix("file://")) / "data" / "small"
        assert read_spec(file).identity == evaluated.answer["champion"]["identity"]  # type: ignore[union-attr]


def test_without_mlflow_the_answer_is_printed_and_the_exit_code_is_0(
    evaluated: Evaluated, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RNNSEARCH_TRACKING", "http://127.0.0.1:9")
    code = command(monkeypatch, "evaluate", evaluated.path, "--top", 2, "--seeds", 2, "--json")
    out, err = capsys.readouterr()
    assert code == 0
    assert json.loads(out) == evaluated.answer
    assert "MLflow did not take the evaluation" in err
    assert "`rnnsearch evaluate` writes it when it is called again" in err
