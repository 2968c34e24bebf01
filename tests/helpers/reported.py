"""A study with a nasty column name, and its report before and after the evaluation."""

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from rnnsearch.config import load_study
from rnnsearch.report.page import report
from rnnsearch.verdict.evaluation import evaluate
from tests.helpers.evaluated import quiet, search_inline
from tests.helpers.searches import write_study

NASTY = "<script>alert(1)</script>"


@dataclass(frozen=True)
class Pages:
    """A study with a nasty column name, and its report before and after the evaluation."""

    path: Path
    home: Path
    before: Path
    after: Path


def _write_prices(folder: Path) -> None:
    rng = np.random.default_rng(5)
    signal = rng.normal(size=300)
    moves = 0.006 * np.roll(signal, 1) + rng.normal(0, 0.008, 300)
    frame = pd.DataFrame(
        {
            "Date": pd.bdate_range("2020-01-01", periods=300),
            "Close": 100 * np.exp(np.cumsum(moves)),
            NASTY: signal,
            "Breadth & <b>bold</b>": rng.normal(size=300),
        }
    )
    frame.to_csv(folder / "prices.csv", index=False)


@contextmanager
def report_small(folder: Path, mlflow_database: Path) -> Iterator[Pages]:
    """The study, made in a folder."""
    home = folder / "runs"
    home.mkdir()
    shutil.copy(mlflow_database, home / "mlflow.db")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RNNSEARCH_HOME", str(home))
        _write_prices(folder)
        path = write_study(
            folder,
            study={"trials": 12, "pruner": "none"},
            space={
                "learning_rate": {"low": 1e-3, "high": 3e-2, "log": True},
                "input_shift": [0, 1],
            },
            inputs={"search": "ranked"},
        )
        search_inline(path)
        before = report(load_study(path)).rename(folder / "before.html")
        evaluate(load_study(path), top=2, seeds=2, say=quiet)
        after = report(load_study(path))
        yield Pages(path, home, before, after)


def embedded(page: Path) -> dict[str, Any]:
    """The plots that a page holds."""
    text = page.read_text(encoding="utf-8")
    found = re.search(r'<script type="application/json" id="figures">(.*?)</script>', text)
    assert found is not None
    return dict(json.loads(found[1]))
