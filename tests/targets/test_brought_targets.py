"""A target of an installed package: named in a study, searched, evaluated, predicted and served."""

import importlib
import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import mlflow.pyfunc
import numpy as np
import pandas as pd
import pytest

from rnnsearch import targets
from rnnsearch.config import load_study
from rnnsearch.errors import StudyFileError
from rnnsearch.search.store.records import tracking_uri
from rnnsearch.targets import finding
from tests.helpers.searches import write_study

EXTENDING = Path(__file__).parents[2] / "docs" / "extending.md"
(CODE,) = re.findall(r"```python\n(\"\"\"their_targets\.py.*?)```", EXTENDING.read_text(), re.S)


def install(folder: Path, entry: str = "their_targets:TARGET", code: str = CODE) -> None:
    """A distribution that brings a target, as an installer leaves it."""
    about = folder / "their_targets-1.2.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: their-targets\nVersion: 1.2\n")
    (about / "entry_points.txt").write_text(f"[rnnsearch.targets]\nsimple_return = {entry}\n")
    (folder / "their_targets.py").write_text(code)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of installed packages, forgotten after the test."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("PYTHONPATH", f"{folder}:{':'.join(filter(None, sys.path))}")
    importlib.invalidate_caches()
    finding._brought.cache_clear()
    yield folder
    sys.modules.pop("their_targets", None)
    finding._brought.cache_clear()


def test_an_unknown_target_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    path = write_study(tmp_path, data={"predict": "log-returns"})
    with pytest.raises(StudyFileError, match=r"'log_return', 'level', .* got 'log-returns'"):
        load_study(path)


def test_a_target_that_cannot_be_used_says_why(tmp_path: Path, site: Path) -> None:
    install(site, "their_targets:missing")
    path = write_study(tmp_path, data={"predict": "simple_return"})
    with pytest.raises(StudyFileError, match=r"of another package cannot be used: their_targets:m"):
        load_study(path)


@pytest.mark.slow
@pytest.mark.usefixtures("home")
def test_it_is_searched_evaluated_predicted_and_served(
    tmp_path: Path, site: Path, rnnsearch: Callable[..., tuple[int, str, str]]
) -> None:
    install(site)
    path = write_study(tmp_path, data={"predict": "simple_return"})
    code, out, err = rnnsearch("search", path, "--quiet")
    assert code == 0, out + err
    code, out, err = rnnsearch("evaluate", path, "--top", 1, "--seeds", 1)
    assert code == 0, out + err
    assert "average" in out
    code, out, err = rnnsearch("predict", path, "--json")
    assert code == 0, err
    (forecast,) = json.loads(out)["forecasts"]
    prices = pd.read_csv(path.parent / "prices.csv", dtype={"Date": str})
    origin = prices["Close"].iloc[-1]
    assert forecast["forecast_price"] / origin - 1 == pytest.approx(forecast["forecast_return"])
    study = load_study(path)
    mlflow.set_tracking_uri(tracking_uri(study))
    model = mlflow.pyfunc.load_model(f"models:/rnnsearch-{study.name}@champion")
    (served,) = model.predict(prices).to_dict("records")
    assert served == pytest.approx(forecast)
    needed = mlflow.pyfunc.get_model_dependencies(f"models:/rnnsearch-{study.name}@champion")
    assert "their-targets==1.2" in Path(needed).read_text()
    assert study.fingerprint()["code"] == {"[data] simple_return": "their-targets==1.2"}


def test_its_values_are_those_of_its_module(site: Path) -> None:
    install(site)
    finding._brought.cache_clear()
    target = targets.get("simple_return")
    values = target.values(np.array([1.0, 2.0, 3.0]), np.array([1, 2]), 1)
    assert values.tolist() == [1.0, 0.5]
    assert targets.package_of("simple_return") == "their-targets==1.2"
    assert [*targets.registry()] == [
        "log_return",
        "level",
        "direction",
        "volatility",
        "simple_return",
    ]
