"""Newer prices for one network of many series: which series a file is of."""

from pathlib import Path

import pandas as pd
import pytest

from rnnsearch.config import load_study
from rnnsearch.errors import DataError
from rnnsearch.verdict.pooled.predicting import listed
from tests.helpers.pooled import series, write_pooled

pytestmark = pytest.mark.usefixtures("home")


@pytest.mark.parametrize("name", ["2330.TW.csv", "BRK.B.csv.gz", "台積電 2330.csv", "P0.parquet"])
def test_a_file_alone_is_of_the_series_that_it_is_of_in_the_folder(
    name: str, tmp_path: Path
) -> None:
    path = write_pooled(tmp_path, count=2, data={"path": "panel/*"})
    for known in (tmp_path / "panel").iterdir():
        known.unlink()
    for file in (tmp_path / "panel" / name, tmp_path / "newer" / name):
        file.parent.mkdir(exist_ok=True)
        write = pd.DataFrame.to_parquet if name.endswith("parquet") else pd.DataFrame.to_csv
        write(series(0), file)
    study = load_study(path)
    (of_folder,) = listed(study, None)
    (alone,) = listed(study, tmp_path / "newer" / name)
    assert alone.name == of_folder.name
    assert alone.path == tmp_path / "newer" / name


def test_a_file_of_its_own_beside_one_file_of_named_series_is_a_series_never_seen(
    tmp_path: Path,
) -> None:
    long = pd.concat(series(number).assign(Ticker=f"P{number}") for number in range(3))
    long.to_csv(tmp_path / "long.csv")
    data = {"path": "long.csv", "series": ["P0", "P1"]}
    study = load_study(write_pooled(tmp_path, data=data))
    series(9).to_csv(tmp_path / "NEW.X.csv")
    assert [one.name for one in listed(study, tmp_path / "NEW.X.csv")] == ["NEW.X"]
    assert [one.name for one in listed(study, tmp_path / "long.csv")] == ["P0", "P1"]


def test_beside_a_wide_file_the_volume_of_a_file_of_one_series_is_no_series(tmp_path: Path) -> None:
    wide = pd.DataFrame({name: series(n)["Close"] for n, name in enumerate(("O", "H", "L", "C"))})
    wide.to_csv(tmp_path / "wide.csv")
    data = {"path": "wide.csv", "series": ["*"], "layout": "wide"}
    study = load_study(write_pooled(tmp_path, data=data))
    assert [one.name for one in listed(study, None)] == ["O", "H", "L", "C"]  # shares, no prices
    close = series(9)["Close"]
    usual = {"Open": close, "High": close * 1.1, "Low": close * 0.9, "Close": close, "Volume": 1e3}
    pd.DataFrame(usual).to_csv(tmp_path / "NEW.csv")
    with pytest.raises(DataError, match="keep the close alone, called as its series"):
        listed(study, tmp_path / "NEW.csv")
    close.rename("NEW").to_csv(tmp_path / "NEW.csv")  # as it says
    assert [one.name for one in listed(study, tmp_path / "NEW.csv")] == ["NEW"]
