"""`rnnsearch init`: a study file from a price file, which `check` and `search` then take."""

import re
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from rnnsearch.config import load_study
from rnnsearch.errors import DataError, StorageError, StudyFileError
from rnnsearch.language import in_language
from rnnsearch.prepare.draft import SIZES, SMALLEST, Draft, init
from rnnsearch.prepare.preview import check
from rnnsearch.search.problem import Problem
from rnnsearch.search.searching import search
from tests.helpers.evaluated import write_bars
from tests.helpers.searches import Notes

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("home")]
WEEK = {"Open": "first", "High": "max", "Low": "min", "Close": "last", "Volume": "sum"}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's folder, which is the current one."""
    folder = tmp_path / "mine"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def write(name: str, frame: pd.DataFrame) -> Path:
    path = Path(name)
    frame.to_csv(path)
    return path


def sp500(csv: Path, rows: int = 5031) -> pd.DataFrame:
    return pd.read_csv(csv, index_col="Date", parse_dates=True).tail(rows)


def files(csv: Path) -> dict[str, pd.DataFrame]:
    """Price files of the sort that people have."""
    prices = sp500(csv)
    return {
        "daily": prices.tail(2200),
        "weekly": prices.resample("W-FRI").agg(WEEK),  # type: ignore[arg-type]
        "short": prices[["Close"]].tail(150).rename(columns={"Close": "close"}),
    }


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["daily", "weekly", "short"])
def test_the_study_file_of_a_real_price_file_is_checked_and_searched(
    kind: str, sp500_csv: Path
) -> None:
    draft = init(write(f"{kind}.csv", files(sp500_csv)[kind]))
    assert draft.path == Path(f"{kind}.toml")
    assert any(
        line.startswith("time per trial: about ")
        for line in check(load_study(kind + ".toml")).facts
    )
    # One epoch of what the sampler draws; the rest is as it is in the file.
    store = search(
        load_study(draft.path, space__epochs=1, study__references=False, run__engine="inline"),
        Notes(),
        trials="2",
    )
    assert store.counts()["complete"] == 2
    said = "\n".join(draft.facts)
    if kind == "daily":
        assert "2200 daily bars, 2010-04-07 to 2018-12-31" in said
        assert load_study(draft.path).inputs.indicators == "all"
    elif kind == "weekly":
        assert "weekly bars" in said
        assert "# the target lies so many weeks after it" in draft.path.read_text()
        assert load_study(draft.path).space.output_shift == (1, 2, 4)
    else:
        study = load_study(draft.path)
        assert (study.inputs.indicators, study.inputs.search) == ("none", "all")
        assert study.split.folds == 1
        assert study.space.neurons == (2, 4, 8)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: str(size.rows))
def test_the_fewest_rows_of_each_size_are_enough(size: Any) -> None:
    draft = init(write_bars(Path("prices.csv"), rows=size.rows))
    study = load_study(draft.path)
    assert study.study.trials == int(size.trials)
    assert study.data.columns == ("Breadth",)


def test_fewer_rows_mean_smaller_ranges() -> None:
    long, *_, short = SIZES
    for rows in (long.rows, short.rows):
        write_bars(Path(f"{rows}.csv"), rows=rows)
        init(Path(f"{rows}.csv"))
    large, small = (load_study(f"{rows}.toml") for rows in (long.rows, short.rows))
    assert small.space.window.high < large.space.window.high
    assert max(small.space.neurons) < large.space.neurons.high
    assert small.split.folds < large.split.folds
    assert small.inputs.indicators == ("price",)


def test_too_few_rows_are_refused_and_nothing_is_written(folder: Path) -> None:
    with pytest.raises(DataError, match=f"has {SMALLEST - 1} rows, but at least {SMALLEST}"):
        init(write_bars(Path("prices.csv"), rows=SMALLEST - 1))
    assert [path.name for path in folder.iterdir()] == ["prices.csv"]


def target_of(draft: Draft) -> str:
    return next(line for line in draft.facts if line.startswith("target: "))


@pytest.mark.parametrize(
    ("columns", "target", "told"),
    [
        ({"close": "up"}, "Close", "target: log_return of Close"),
        ({"adj_close": "up", "Turnover": "up"}, "adj_close", "there is no Close; --target names"),
        ({"Rate": "up"}, "Rate", "there is no Close; --target names"),
        ({"Close": "around zero"}, "Close", "target: level of Close"),
        ({"Close": "up", "Adj Close": "lower"}, "Close", "of Close, adjusted for dividends"),
        ({"Close": "up", "Adj Close": "up"}, "Close", "target: log_return of Close"),
        ({"Close": "up", "Adj Close": "around zero"}, "Close", "target: log_return of Close"),
    ],
)
def test_the_target_is_the_close_or_what_is_most_like_it(
    columns: dict[str, str], target: str, told: str
) -> None:
    rng = np.random.default_rng(1)
    walk = np.cumsum(rng.normal(0, 0.01, 200))
    values = {
        "up": 50 * np.exp(walk),
        "lower": 45 * np.exp(walk),
        "around zero": walk - walk.mean(),
    }
    frame = pd.DataFrame(
        {name: values[kind] for name, kind in columns.items()},
        index=pd.bdate_range("2020-01-01", periods=200, name="Date"),
    )
    draft = init(write("prices.csv", frame))
    study = load_study(draft.path)
    assert study.data.target == target
    assert told in target_of(draft)
    assert study.data.adjust == ("adjusted" in told)
    assert any("the level is forecast" in note for note in draft.warnings) == ("level" in told)
    check(study)


def test_a_market_without_weekends_is_offered_a_calendar_without_any() -> None:
    rng = np.random.default_rng(1)
    index = pd.date_range("2020-01-01", periods=200, name="Date")
    frame = pd.DataFrame({"Close": 50 * np.exp(np.cumsum(rng.normal(0, 0.01, 200)))}, index=index)
    draft = init(write("coins.csv", frame))
    assert '# calendar = "24/7"' in draft.path.read_text()
    assert any("too few for indicators" in note for note in draft.warnings)


def test_a_target_can_be_named_and_has_to_be_where_it_cannot_be_guessed(sp500_csv: Path) -> None:
    frame = sp500(sp500_csv, 200)[["High", "Low"]]
    write("prices.csv", frame)
    with pytest.raises(DataError, match=r"the numeric columns are High, Low; .* --target"):
        init(Path("prices.csv"))
    assert load_study(init(Path("prices.csv"), target="low").path).data.target == "low"


def test_faults_of_the_prices_are_told_as_everywhere(sp500_csv: Path) -> None:
    frame = sp500(sp500_csv, 200)
    with pytest.raises(DataError, match="dates must increase, but row 3 is "):
        init(write("prices.csv", frame.iloc[[0, 2, 1, *range(3, 200)]]))
    with pytest.raises(DataError, match="there is no such file"):
        init(Path("nothere.csv"))


def test_the_study_file_goes_to_studies_where_that_folder_is(sp500_csv: Path, folder: Path) -> None:
    write("2330.TW.csv", sp500(sp500_csv, 200))
    assert init(Path("2330.TW.csv")).path == Path("2330.TW.toml")
    Path("studies").mkdir()
    path = init(Path("2330.TW.csv")).path
    assert path == Path("studies/2330.TW.toml")
    assert 'path = "../2330.TW.csv"' in path.read_text()
    assert load_study(path).name == "2330.TW"
    elsewhere = folder.parent / "^my prices.csv"
    Path("2330.TW.csv").rename(elsewhere)
    path = init(elsewhere).path
    assert path == Path("studies/my_prices.toml")
    assert f'path = "{elsewhere}"' in path.read_text()


def test_a_study_file_that_is_there_stays_unless_told_otherwise(sp500_csv: Path) -> None:
    write("prices.csv", sp500(sp500_csv, 200))
    Path("prices.toml").write_text("mine")
    with pytest.raises(StudyFileError, match=r"prices\.toml: is there already; .* --force"):
        init(Path("prices.csv"))
    assert Path("prices.toml").read_text() == "mine"
    init(Path("prices.csv"), force=True)
    assert load_study("prices.toml").study.trials == 20


def test_a_place_for_the_study_file_that_will_not_do_is_told(sp500_csv: Path) -> None:
    write("prices.csv", sp500(sp500_csv, 200))
    for name in ("prices.txt", "my study.toml"):
        with pytest.raises(StudyFileError, match="is called like mine"):
            init(Path("prices.csv"), Path(name))
    with pytest.raises(StorageError, match="cannot be written"):
        init(Path("prices.csv"), Path("prices.csv/mine.toml"))


def test_columns_that_cannot_be_inputs_are_left_out_and_told(sp500_csv: Path) -> None:
    frame = sp500(sp500_csv, 200)
    write(
        "prices.csv",
        frame.assign(
            good=range(0, 400, 2), ratio=[np.inf, *frame.Low[1:]], word="x", vix=frame.Low
        ),
    )
    draft = init(Path("prices.csv"))
    study = load_study(draft.path)
    assert "vix" in study.data.columns
    assert "ratio" not in study.data.columns
    assert any("column 'ratio' is no input: " in note for note in draft.warnings)
    assert '# "ratio" is left out of them: ratio must be there in every row' in (
        draft.path.read_text()
    )
    check(study)


def test_beside_a_column_that_is_refused_all_others_are_what_they_are(sp500_csv: Path) -> None:
    frame = sp500(sp500_csv, 200)
    words = ["bull" if day.month % 2 else "bear" for day in frame.index]
    also = frame.assign(
        num=range(200), remark=[f"note {n}" for n in range(200)], regime=words, same=1.0
    )
    alone = load_study(init(write("alone.csv", also)).path).data
    draft = init(write("prices.csv", also.assign(ratio=[np.inf, *frame.Low[1:]])))
    study = load_study(draft.path)
    assert alone.columns == study.data.columns == ("regime",)
    for name in ("num", "remark", "same", "ratio"):
        assert sum(f"column {name!r} " in note for note in draft.warnings) == 1
        assert f'# "{name}" is left out of them: ' in draft.path.read_text()
    check(study)


@pytest.mark.parametrize(
    ("names", "target"),
    [
        (("XYZ.Open", "XYZ.High", "XYZ.Low", "XYZ.Close"), "Close"),
        (("first", "highest", "lowest", "lastPrice"), "lastPrice"),
        (("Prev Close", "Adj Close Time", "Day's Close (USD)", "x"), "Day's Close (USD)"),
    ],
)
def test_the_only_column_that_can_be_a_close_is_forecast(
    sp500_csv: Path, names: tuple[str, ...], target: str
) -> None:
    frame = sp500(sp500_csv, 200)[["Open", "High", "Low", "Close"]]
    draft = init(write("prices.csv", frame.set_axis(names, axis="columns")))
    study = load_study(draft.path)
    assert study.data.target == target
    assert study.data.series == (("XYZ",) if target == "Close" else ())
    check(study)


def test_where_no_column_can_be_a_close_they_are_listed(sp500_csv: Path) -> None:
    frame = sp500(sp500_csv, 200)[["High", "Low"]]
    with pytest.raises(DataError, match=r"columns are a, b; name the one .* as --target a\.$"):
        init(write("prices.csv", frame.set_axis(["a", "b"], axis="columns")))
    assert load_study(init(Path("prices.csv"), target="a").path).data.target == "a"
    with pytest.raises(DataError, match=r"no column has numbers alone. The file has Date, a, b;"):
        init(write("words.csv", frame.astype(str).add("x").set_axis(["a", "b"], axis="columns")))


def test_columns_zone_and_calendar_are_those_that_are_named(sp500_csv: Path) -> None:
    frame = sp500(sp500_csv, 200)
    write("prices.csv", frame.assign(a=frame.Low, b=frame.High))
    draft = init(Path("prices.csv"), columns=("a",), calendar="XNYS")
    data = load_study(draft.path).data
    assert (data.columns, data.calendar) == (("a",), "XNYS")
    draft = init(Path("prices.csv"), columns="none", time_zone="Asia/Tokyo", force=True)
    data = load_study(draft.path).data
    assert (data.columns, data.time_zone, data.calendar) == ("none", "Asia/Tokyo", None)
    for wrong, told in (
        ({"time_zone": "Mars"}, "--time-zone: there is no time zone 'Mars'"),
        ({"calendar": "XNYSE"}, "XNYSE"),
        ({"calendar": "XNYS", "time_zone": "Asia/Tokyo"}, "a calendar gives"),
        ({"columns": ("c",)}, "no column 'c'"),
    ):
        with pytest.raises((StudyFileError, DataError), match=told):
            init(Path("prices.csv"), force=True, **wrong)  # type: ignore[arg-type]


def test_the_hour_that_is_there_twice_is_read_as_its_refusal_says() -> None:
    hours = pd.date_range("2023-10-20", periods=300, freq="h", tz="Europe/Berlin", name="Date")
    close = 50 * np.exp(np.cumsum(np.random.default_rng(1).normal(0, 0.01, 300)))
    write("prices.csv", pd.DataFrame({"Close": close}, index=hours))
    with pytest.raises(DataError, match="--time-zone UTC of init"):
        init(Path("prices.csv"))
    assert load_study(init(Path("prices.csv"), time_zone="UTC").path).data.time_zone == "UTC"


@pytest.mark.parametrize(
    "name", ["a\x7fb", "a\tb", "a\x1b[31mb", 'a"b\\', "{{ a }}", "<b>", "a\u2028b"]
)
def test_names_of_columns_and_files_are_data_in_the_study_file(sp500_csv: Path, name: str) -> None:
    frame = sp500(sp500_csv, 200)
    path = Path(f"{name.replace('/', '')}.csv")
    frame.assign(**{name: frame.Low, f"{name}2": np.inf}).to_csv(path)
    draft = init(path, Path("mine.toml"))
    study = load_study(draft.path)
    assert study.data.path == path.absolute()
    assert len(study.data.columns) == 1
    assert all(one.isprintable() for one in study.data.columns)
    Problem.load(study)


def test_a_study_file_explains_itself_in_the_user_s_language(sp500_csv: Path) -> None:
    english = init(write("mine.csv", sp500(sp500_csv, 400)))
    with in_language("zh-TW"):
        chinese = init(Path("mine.csv"), Path("yours.toml"))
    one, other = english.path.read_text("utf-8"), chinese.path.read_text("utf-8")
    assert tomllib.loads(other) == tomllib.loads(one)
    comments = [re.findall(r"# (.*)", text) for text in (one, other)]
    assert len(comments[0]) == len(comments[1]) > 15
    assert not any(re.search("[\u4e00-\u9fff]", comment) for comment in comments[0])
    assert [one for one in comments[1] if not re.search("[\u4e00-\u9fff]", one)] == []
