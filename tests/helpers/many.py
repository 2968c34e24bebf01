"""Studies of many series for tests: made-up walks of different starts, in every form of files."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from rnnsearch.config import load_study
from rnnsearch.many.family import Family, family_of
from rnnsearch.many.reading import read_all
from rnnsearch.many.searching import search_all
from rnnsearch.search.driver.deadline import Deadline
from rnnsearch.search.driver.running import RunningTrial
from rnnsearch.search.store.store import Store
from tests.helpers.searches import Notes, write_study


def walk(seed: int, rows: int = 200, start: str = "2020-01-01") -> pd.Series:
    """(rows,) prices of a series without a signal, by date."""
    steps = np.random.default_rng(seed).normal(0, 0.01, rows)
    dates = pd.bdate_range(start, periods=rows, name="Date")
    return pd.Series((100 * np.exp(np.cumsum(steps))).round(4), index=dates, name="Close")


def walks(count: int, rows: int = 200) -> dict[str, pd.Series]:
    """Series `T0`, `T1` ... that begin a month after one another, and end apart."""
    starts = pd.date_range("2020-01-01", periods=count, freq="MS")
    return {
        f"T{number}": walk(number, rows - 5 * number, str(start)[:10])
        for number, start in enumerate(starts)
    }


def write_files(folder: Path, series: dict[str, pd.Series]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, prices in series.items():
        prices.to_csv(folder / f"{name}.csv")


def write_many(folder: Path, count: int = 3, name: str = "stocks", **changes: Any) -> Path:
    """A study file of `count` small files."""
    write_files(folder / "prices", walks(count))
    data = {"path": "prices/*.csv"} | changes.pop("data", {})
    study = {"trials": 3} | changes.pop("study", {})
    return write_study(folder, name, data=data, study=study, **changes)


def write_together(folder: Path, form: str, series: dict[str, pd.Series]) -> dict[str, Any]:
    """All in one file of a form; the `[data]` that reads each of them."""
    folder.mkdir(parents=True, exist_ok=True)
    data: dict[str, Any] = {"path": folder / f"{form}.csv", "series": ("*",)}
    match form:
        case "files":
            write_files(folder / "prices", series)
            return {"path": folder / "prices" / "*.csv"}
        case "long":
            rows = [prices.to_frame().assign(Ticker=name) for name, prices in series.items()]
            pd.concat(rows).to_csv(data["path"])
        case "wide":
            pd.DataFrame(series).to_csv(data["path"])
            data["layout"] = "wide"
        case "side by side":
            pd.DataFrame({f"{name}_Close": prices for name, prices in series.items()}).to_csv(
                data["path"], index_label="Date"
            )
        case "sheets":
            data["path"] = folder / "book.xlsx"
            with pd.ExcelWriter(data["path"]) as book:
                for name, prices in series.items():
                    prices.reset_index().to_excel(book, sheet_name=name, index=False)
    return data


FORMS = ("files", "long", "wide", "side by side", "sheets")


# --- their searches ------------------------------------------------------------------------------


class AllNotes:
    """Views that remember what they were told."""

    def __init__(self) -> None:
        self.notices: list[str] = []
        self.views: dict[str, Notes] = {}
        self.ended: list[str] = []
        self.at: Callable[[RunningTrial], None] = lambda trial: None

    def of(self, series: str) -> Notes:
        view = self.views[series] = Notes()
        view.at = lambda trial: self.at(trial)
        return view

    def over(self, series: str) -> None:
        self.ended.append(series)

    def notice(self, text: str) -> None:
        self.notices.append(text)


def members(path: Path) -> Family:
    family = family_of(load_study(path))
    assert family is not None
    return family


def search_here(path: Path, views: AllNotes | None = None, trials: str | None = None) -> Family:
    family = members(path)
    problems = read_all(family, print).problems
    search_all(family, problems, views or AllNotes(), trials=trials, deadline=Deadline(None))
    return family


def values(family: Family) -> dict[str, list[float | None]]:
    return {
        one.series: [trial.value for trial in Store(one.study, create=False).trials()]
        for one in family.members
    }
