"""Inputs by a user's own functions: which they are, what is refused, what the future may not do."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from mlflow.exceptions import MlflowException

from rnnsearch.config import load_study
from rnnsearch.data.inputs.functions import FAMILY, own_inputs, try_functions
from rnnsearch.data.prices.load import Prices, read_prices
from rnnsearch.errors import DataError, StudyFileError
from rnnsearch.model.forecasting.forecaster import Forecaster
from rnnsearch.own_code import OwnCode, read_code
from rnnsearch.prepare.preview import check
from rnnsearch.search import searching as search_module
from rnnsearch.search.inputs.candidates import describe
from rnnsearch.search.problem import Problem
from rnnsearch.verdict.evaluation import champion_folder, evaluate
from rnnsearch.verdict.prediction import predict
from rnnsearch.verdict.renewal import renew
from tests.helpers.evaluated import BARS, quiet, search_inline, write_bars
from tests.helpers.searches import Notes, run, write_study
from tests.model.test_cells import OWN, write_cells

pytestmark = pytest.mark.slow  # seconds each, or many

MY_INPUTS = '''\
"""Inputs of our own."""

import numpy as np
import pandas as pd

from shapes import spread


def speed(prices):
    """Growth over five sessions."""
    return prices["Close"].pct_change(5)


def bands(prices: pd.DataFrame) -> pd.DataFrame:
    mean, deviation = prices["Close"].rolling(20).mean(), prices["Close"].rolling(20).std()
    return pd.DataFrame({"low": mean - 2 * deviation, "high": mean + 2 * deviation})


def narrow(prices, share=0.01):
    return (spread(prices) < share)


def _helper(prices):
    raise RuntimeError("not to be called")


def grow(prices, by):
    raise RuntimeError("not to be called")


def log_of(series: pd.Series) -> pd.Series:
    return np.log(series)
'''
SHAPES = 'def spread(prices):\n    return (prices["High"] - prices["Low"]) / prices["Close"]\n'
NAMES = ["speed", "bands_low", "bands_high", "narrow"]


def write_inputs(folder: Path, text: str = MY_INPUTS) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "my_inputs.py").write_text(text, encoding="utf-8")
    (folder / "shapes.py").write_text(SHAPES, encoding="utf-8")


def write_own(folder: Path, text: str = MY_INPUTS, **changes: dict[str, Any]) -> Path:
    """A study of bars with functions; `changes` as of `write_study`."""
    write_inputs(folder, text)
    if not (folder / "bars.csv").exists():
        write_bars(folder / "bars.csv")
    inputs = {"indicators": "none", "module": "my_inputs.py"} | changes.pop("inputs", {})
    return write_study(folder, **({"data": BARS["data"], "inputs": inputs} | changes))


@pytest.fixture(scope="module")
def prices(tmp_path_factory: pytest.TempPathFactory) -> Prices:
    folder = tmp_path_factory.mktemp("functions")
    return read_prices(load_study(write_own(folder)).data)


def code_of(folder: Path, body: str) -> OwnCode:
    write_inputs(folder, f"import numpy as np\nimport pandas as pd\n\n\n{body}\n")
    return read_code("my_inputs.py", folder, "[inputs] module")


def function(result: str) -> str:
    return f"def x(prices):\n    close = prices['Close']\n    return {result}"


# --- which they are


def test_public_functions_of_one_table_are_inputs_and_others_are_told(
    home: Path, tmp_path: Path
) -> None:
    problem = Problem.load(load_study(write_own(tmp_path)))
    specs = {spec.name: spec for spec in problem.table.specs if spec.family == FAMILY}
    assert list(specs) == NAMES
    assert [spec.warmup for spec in specs.values()] == [5, 19, 19, 0]
    assert specs["speed"].source == "my_inputs.py: Growth over five sessions"
    assert problem.table.warmup == 19
    notes = "\n".join(problem.table.notes)
    assert "my_inputs.py: inputs of your own: speed, bands_low, bands_high, narrow" in notes
    assert "no inputs are made of grow (takes 2 arguments), log_of (of a Series)" in notes
    frame, values = problem.prices.frame, problem.table.values
    (column,) = problem.table.columns(["speed"])
    expected = frame["Close"].pct_change(5).to_numpy(np.float32)
    np.testing.assert_allclose(values[:, column], expected, rtol=1e-6)
    (column,) = problem.table.columns(["narrow"])
    assert set(values[:, column].tolist()) == {0.0, 1.0}


def test_all_says_which_functions_there_are(tmp_path: Path, prices: Prices) -> None:
    write_inputs(tmp_path, MY_INPUTS + '\n\n__all__ = ["spread", "speed"]\n')
    made = own_inputs(prices, read_code("my_inputs.py", tmp_path, "[inputs] module"), ())
    assert list(made.columns) == ["spread", "speed"]


@pytest.mark.parametrize(
    "result", ["close.to_numpy()", "close.reset_index(drop=True)", "close.astype(object)",
               "close.astype('Float64')", "prices[['Close']].rename(columns={'Close': 'y'})"]
)  # fmt: skip
def test_what_a_function_may_return(tmp_path: Path, prices: Prices, result: str) -> None:
    made = own_inputs(prices, code_of(tmp_path, function(result)), ())
    (values,) = made.columns.values()
    np.testing.assert_array_equal(values, prices.close)


def test_a_function_that_writes_to_its_prices_changes_nothing_for_others(
    tmp_path: Path, prices: Prices
) -> None:
    body = (
        "def first(prices):\n    prices['Close'] *= 0\n    del prices['Open']\n"
        "    return prices['Close']\n\n\n" + function("close + prices['Open']")
    )
    before = prices.frame.copy()
    made = own_inputs(prices, code_of(tmp_path, body), ())
    pd.testing.assert_frame_equal(prices.frame, before)
    np.testing.assert_array_equal(made.columns["x"], before["Close"] + before["Open"])


def test_columns_of_the_file_are_there_under_their_own_names(
    tmp_path: Path, prices: Prices
) -> None:
    made = own_inputs(prices, code_of(tmp_path, function("prices['Breadth'] / close")), ())
    np.testing.assert_array_equal(made.columns["x"], prices.frame["Breadth"] / prices.close)
    assert list(prices.frame) == ["Open", "High", "Low", "Close", "Volume", "Breadth"]


def test_what_a_function_prints_and_warns_of_stays_away_from_the_output(
    tmp_path: Path, prices: Prices, capsys: pytest.CaptureFixture[str]
) -> None:
    body = (
        "import warnings\n\n\ndef x(prices):\n    print('hello')\n    warnings.warn('odd')\n"
        "    return np.log(prices['Close'] - prices['Close']).replace(-np.inf, 0)"
    )
    for make in (lambda code: own_inputs(prices, code, ()), lambda c: try_functions(prices, c)):
        make(code_of(tmp_path, body))
        said = capsys.readouterr()
        assert (said.out, said.err) == ("", "hello\n")


# --- what is refused


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("def f(:\n    pass", "[inputs] module: my_inputs.py, line 5: is not Python: "),
        ("import zork", "my_inputs.py, line 5: ModuleNotFoundError: No module named 'zork' (a "
         "package that is installed, or a file in the same folder, can be imported)"),
        ("LIMIT = 1 / 0", "my_inputs.py, line 5: ZeroDivisionError: division by zero"),
        ("from shapes import wide", "my_inputs.py, line 5: ImportError: cannot import name 'wide'"),
        ("raise SystemExit(3)", "my_inputs.py, line 5: SystemExit: 3"),
        ("LIMIT = 3", "my_inputs.py has no public function of one table of prices; write `def "),
        ("def f(a, b): return a", "has no public function of one table of prices; f (takes 2 arg"),
        ("open(__file__)", "NameError: name '__file__' is not defined"),
        (function("close").replace("x(", "momentum_rsi("),
         "there is an input 'momentum_rsi' already; give the function momentum_rsi another name"),
        (function("close").replace("x(", "Breadth("), "there is an input 'Breadth' already"),
        (function("close").replace("x(", "open_close("), "there is an input 'open_close' already"),
    ],
)  # fmt: skip
def test_a_file_that_gives_no_inputs_is_refused_with_its_place(
    home: Path, tmp_path: Path, text: str, told: str
) -> None:
    path = write_own(tmp_path, f"import numpy as np\nimport pandas as pd\n\n\n{text}\n")
    with pytest.raises(StudyFileError) as error:
        Problem.load(load_study(path), tried=True)
    assert str(error.value).startswith("[inputs] module: ")
    assert told in str(error.value)


def test_a_file_that_is_not_there_or_no_python_is_told_from_the_study_file(
    tmp_path: Path, home: Path
) -> None:
    path = write_own(tmp_path, inputs={"module": "my_input.py"})
    with pytest.raises(StudyFileError, match=r"no file 'my_input.py'; did you mean my_inputs.py"):
        Problem.load(load_study(path))
    path = write_own(tmp_path, inputs={"module": "my_inputs.txt"})
    with pytest.raises(StudyFileError, match=r"module: functions of your own are in one file of P"):
        load_study(path)
    (tmp_path / "latin.py").write_bytes("# é\n".encode("latin-1"))
    path = write_own(tmp_path, inputs={"module": "latin.py"})
    with pytest.raises(StudyFileError, match=r"'latin.py' is not UTF-8 text; save it so"):
        Problem.load(load_study(path))
    (tmp_path / "folder.py").mkdir()
    path = write_own(tmp_path, inputs={"module": "folder.py"})
    with pytest.raises(StudyFileError, match=r"'folder.py' is a folder; name one file"):
        Problem.load(load_study(path))


@pytest.mark.parametrize(
    ("result", "told"),
    [
        ("None", "x gave a NoneType; return a Series with a value for each row of the prices"),
        ("5.0", "x gave a float; return a Series"),
        ("close.iloc[1:]", "x gave 399 values for 400 rows; keep every row, and leave a value"),
        ("close[::-1]", "its row 1 is of 2020-07-14 00:00:00, and that of the prices of 2019"),
        ("close / 0", "x must be finite, but is inf in row 1 (2019-01-02) (400 such rows: 1, 2, "),
        ("close * np.nan", "x has no value in any of 400 rows"),
        ("close.where(np.arange(400) != 30)",
         "must have a value in every row after its first (row 1 (2019-01-02)), but has none in row "
         "31 (2019-02-13); fill it with what was known then, as .ffill() does"),
        ("close.shift(-1)", "what is missing at the end often looks ahead, as .shift(-1)"),
        ("close.astype(str) + 'a'", "x must be of numbers, but row 1 is '"),
        ("pd.Series(prices.index, prices.index)", "x must be of numbers, but row 1 is Timestamp("),
        ("close * 1j", "x must be of numbers, but row 1 is "),
        ("prices[[]]", "x gave a table that has no column"),
        ("pd.concat([close, close], axis=1)", "x gave a table that has the column 'x_Close' twice"),
        ("prices['Cloze']", "my_inputs.py, line 7, in x: KeyError: 'Cloze' (for 400 rows with "
         "Open, High, Low, Close, Volume, Breadth)"),
        ("close.iloc[500]", "my_inputs.py, line 7, in x: IndexError: "),
        ("spread(1)", "my_inputs.py, line 7, in x: NameError: name 'spread' is not defined"),
        ("exit(4)", "in x: SystemExit: 4"),
    ],
)  # fmt: skip
def test_what_cannot_be_an_input_is_refused_with_row_and_remedy(
    tmp_path: Path, prices: Prices, result: str, told: str
) -> None:
    with pytest.raises(DataError) as error:
        own_inputs(prices, code_of(tmp_path, function(result)), ())
    assert str(error.value).startswith("[inputs] module: ")
    assert told in str(error.value)


# --- the canary


LEAKS = {
    "tomorrow": "close.shift(-1).ffill()",
    "normalised": "(close - close.mean()) / close.std()",
    "centred": "close.rolling(5, center=True).mean().bfill().ffill()",
    "filled backward": "close.where(np.arange(len(close)) % 10 == 9).bfill().ffill()",
    "whole week": "close.groupby(prices.index.to_period('W')).transform('last')",
    "convolved": "pd.Series(np.convolve(close, np.ones(9) / 9, 'same'), prices.index)",
    "rank": "close.rank()",
    "length": "close * 0 + len(close)",
    "a rare jump": "(close.shift(-1) / close > 1.2).astype(float)",
    "a rare fall": "(close.shift(-1) / close < 0.8).astype(float)",
    "the end": "close / close.iloc[-1]",
    "named by the future": "pd.DataFrame({f'a{int(close.max())}': close})",
}
REMEMBERING = """import functools

seen = []


def x(prices):
    seen.append(prices["Close"])
    return max(seen, key=len).shift(-1).reindex(prices.index).ffill()


def whole(prices):
    return first().reindex(prices.index).ffill() if seen else prices["Close"]


@functools.cache
def first():
    return seen[0].shift(-1)
"""
HONEST = {
    "trailing": "close.rolling(10).mean()",
    "exponential": "close.ewm(span=12).mean()",
    "expanding": "(close - close.expanding().mean()) / close.expanding().std().shift(1)",
    "lag": "close.shift(3)",
    "month so far": "close.groupby(prices.index.to_period('M')).cumsum()",
    "recursive": "pd.Series(np.cumsum(np.sign(np.diff(close, prepend=1))), close.index)",
    "seeded": "close * np.random.default_rng(0).normal(size=10)[0]",
    "large": "1e12 * close.rolling(30).std()",
    "filtered": "close.rolling(5).apply(lambda x: x @ np.arange(5))",
}  # fmt: skip


@pytest.mark.parametrize("kind", LEAKS)
def test_a_function_that_looks_ahead_is_refused(tmp_path: Path, prices: Prices, kind: str) -> None:
    with pytest.raises(DataError) as error:
        try_functions(prices, code_of(tmp_path, function(LEAKS[kind])))
    told = str(error.value)
    assert told.startswith("[inputs] module: my_inputs.py: x")
    assert " looks ahead: in row " in told
    assert "Build each value of that session and earlier ones only" in told


def test_what_a_file_remembers_of_later_prices_is_found(tmp_path: Path, prices: Prices) -> None:
    with pytest.raises(DataError) as error:
        try_functions(prices, code_of(tmp_path, REMEMBERING))
    lines = str(error.value).splitlines()
    assert [line.split()[3] for line in lines[:-1]] == ["x", "whole"]
    assert all("looks ahead" in line for line in lines[:-1])


def test_constant_and_repeated_inputs_are_in_no_trial_as_any(home: Path, tmp_path: Path) -> None:
    text = (
        "def still(prices): return prices['Close'] * 0 + 3\n"
        "def again(prices): return prices['Breadth']\n"
        "def other(prices): return prices['Volume'].diff()\n"
        "async def later(prices): return prices['Close']\n"
    )
    problem = Problem.load(load_study(write_own(tmp_path, text)), tried=True)
    assert {"other", "Breadth"} <= set(problem.candidates.names)
    assert not {"still", "again", "later"} & set(problem.candidates.names)
    told = "\n".join(describe(problem.candidates.record()))
    assert "still" in told
    assert "again" in told
    assert "no inputs are made of later (is async)" in "\n".join(problem.table.notes)


@pytest.mark.parametrize("kind", HONEST)
def test_a_function_that_does_not_is_passed(tmp_path: Path, prices: Prices, kind: str) -> None:
    made = try_functions(prices, code_of(tmp_path, function(HONEST[kind])))
    assert list(made) == ["x"]


@pytest.mark.parametrize(
    "result",
    ["close + np.random.normal(size=len(close))", "close + next(counter)", "close + time.time()"],
)
def test_a_function_that_does_not_repeat_itself_is_refused(
    tmp_path: Path, prices: Prices, result: str
) -> None:
    body = f"import itertools\nimport time\n\ncounter = itertools.count()\n\n\n{function(result)}"
    with pytest.raises(DataError, match=r"x is \S+ in row 1 \(2019-01-02\) and \S+ when it is ask"):
        try_functions(prices, code_of(tmp_path, body))


@pytest.mark.parametrize("command", [check, lambda study: search_module.search(study, Notes())])
def test_look_ahead_is_refused_before_every_search(
    home: Path, tmp_path: Path, command: Any
) -> None:
    leak = f"import numpy as np\nimport pandas as pd\n\n\n{function(LEAKS['tomorrow'])}\n"
    path = write_own(tmp_path, leak, study={"trials": 1})
    with pytest.raises(DataError, match=r"my_inputs.py: x looks ahead: in row \d+ \(20"):
        command(load_study(path))
    honest = leak.replace(".shift(-1).ffill()", ".shift(1).bfill(limit=0) if 0 else close.shift(1)")
    (tmp_path / "my_inputs.py").write_text(honest)
    command(load_study(path))


def test_a_function_of_something_else_than_prices_is_found_by_a_later_search(
    home: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.txt"
    other.write_text("1")
    body = f"def x(prices):\n    return prices['Close'] * float(open({str(other)!r}).read())\n"
    path = write_own(tmp_path, body, study={"trials": 1})
    search_inline(path)
    other.write_text("2")
    with pytest.raises(DataError, match=r"x is \S+ in row 1 .* and was \S+ for the same prices ea"):
        search_inline(path, "+1")


# --- from the search to a forecast


def evaluated_own(path: Path) -> dict[str, Any]:
    search_inline(path)
    return evaluate(load_study(path), top=1, seeds=2, say=quiet)


@pytest.mark.slow
def test_own_inputs_are_searched_evaluated_predicted_and_served(home: Path, tmp_path: Path) -> None:
    path = write_own(tmp_path, study={"trials": 2}, inputs={"search": "all"})
    answer = evaluated_own(path)
    assert set(NAMES) < set(answer["champion"]["params"]["inputs"])
    study = load_study(path)
    said = predict(study)
    newer = tmp_path / "newer.csv"
    write_bars(newer, rows=420)
    later = predict(study, data=newer)
    assert later["forecasts"] != said["forecasts"]
    assert "of your own" not in str(said["notes"])

    # Served elsewhere, with the code of the folder.
    from rnnsearch.publish.pyfunc import _load_pyfunc

    served_at = tmp_path / "elsewhere"
    shutil.copytree(champion_folder(study), served_at)
    for file in tmp_path.glob("*.py"):
        file.unlink()
    frame = pd.read_csv(newer)
    served = _load_pyfunc(str(served_at)).predict(frame)
    assert served["forecast_price"].tolist() == [
        one["forecast_price"] for one in later["forecasts"]
    ]
    about = json.loads((served_at / "forecaster.json").read_text())
    assert about["module"] == "my_inputs.py"
    (folder,) = (served_at / "code").iterdir()
    assert {file.name for file in folder.iterdir()} == {"my_inputs.py", "shapes.py"}
    # What the function needs and the newer file lacks is told with its place.
    with pytest.raises(MlflowException, match=r"shapes\.py, line 2, in spread: KeyError: 'High'"):
        _load_pyfunc(str(served_at)).predict(frame.drop(columns=["High"]))


@pytest.mark.slow
def test_a_refit_on_newer_prices_carries_the_code_of_inputs_and_cell(
    home: Path, tmp_path: Path
) -> None:
    write_cells(tmp_path)
    space = {"cell": OWN}
    path = write_own(tmp_path, study={"trials": 1}, inputs={"search": "all"}, space=space)
    evaluated_own(path)
    study, newer = load_study(path), write_bars(tmp_path / "newer.csv", rows=420)
    renewed = renew(study, data=newer, say=quiet)
    assert renewed["made"]
    said = predict(study, data=newer)["forecasts"]
    for file in tmp_path.glob("*.py"):
        file.unlink()
    forecaster = Forecaster.load(Path(renewed["folder"]))
    assert set(forecaster.code) == {"my_inputs.py", "my_cells.py"}
    served = forecaster.forecast(read_prices(forecaster.data_section(newer)))
    assert served["forecast_price"].tolist() == [one["forecast_price"] for one in said]


def test_only_functions_of_the_champion_s_inputs_are_asked(home: Path, tmp_path: Path) -> None:
    text = MY_INPUTS + "\n\ndef broad(prices):\n    return prices['Breadth']\n"
    path = write_own(tmp_path, text, study={"trials": 1})
    study = load_study(path)
    problem = Problem.load(study)
    from tests.helpers.evaluated import fitted

    _, forecaster = fitted(problem, inputs=["return", "bands_low"])
    assert forecaster is not None
    forecaster.save(tmp_path / "champion")
    loaded = Forecaster.load(tmp_path / "champion")
    frame = read_prices(study.data).frame[["Close"]]
    table = loaded.table(Prices("newer.csv", frame, "Close"))
    assert set(table.names) == {"return", "bands_low", "bands_high"}
    _, plain = fitted(problem, inputs=["return", "Breadth"])
    assert plain is not None
    assert (plain.code, plain.spec.module) == ({}, None)


@pytest.mark.slow
def test_changed_code_is_told_with_what_to_do(home: Path, tmp_path: Path) -> None:
    path = write_own(tmp_path, study={"trials": 1}, inputs={"search": "all"})
    evaluated_own(path)
    for file in ("my_inputs.py", "shapes.py"):
        text = (tmp_path / file).read_text()
        (tmp_path / file).write_text(text.replace("prices[", "prices [", 1))
        for again in (lambda s: evaluate(s, say=quiet), predict,
                      lambda s: search_module.search(s, Notes())):  # fmt: skip
            with pytest.raises(StudyFileError) as error:
                again(load_study(path))
            assert "the code of [inputs] module is another" in str(error.value)
            assert "Put it back, or give [study] another name" in str(error.value)
        (tmp_path / file).write_text(text)
    assert predict(load_study(path))["forecasts"]
    # Where the file lies does not matter.
    (tmp_path / "deeper").mkdir()
    for file in tmp_path.glob("*.py"):
        file.rename(tmp_path / "deeper" / file.name)
    moved = path.read_text().replace("my_inputs.py", "deeper/my_inputs.py")
    path.write_text(moved)
    assert predict(load_study(path))["forecasts"]


def test_a_study_without_own_code_has_the_fingerprint_it_had(tmp_path: Path) -> None:
    plain = load_study(write_study(tmp_path)).fingerprint()
    assert "code" not in plain
    assert "module" not in plain["inputs"]
    own = load_study(write_own(tmp_path)).fingerprint()
    assert list(own["code"]) == ["[inputs] module"]
    assert "module" not in own["inputs"]


def test_code_is_what_it_was_when_the_command_began(tmp_path: Path, home: Path) -> None:
    study = load_study(write_own(tmp_path))
    before = study.fingerprint()
    (tmp_path / "my_inputs.py").write_text("def other(prices): return prices['Close']\n")
    assert study.fingerprint() == before
    assert "speed" in Problem.load(study).table.names
    assert "other" in Problem.load(load_study(tmp_path / "small.toml")).table.names


@pytest.mark.slow
def test_the_commands_take_own_inputs_and_refuse_without_a_traceback(
    home: Path, tmp_path: Path, rnnsearch: Callable[..., tuple[int, str, str]]
) -> None:
    changes: dict[str, Any] = {"inputs": {"search": "all"}, "run": {"engine": "local"}}
    path = write_own(tmp_path, study={"trials": 2}, **changes)
    code, out, err = rnnsearch("inputs", path)
    assert code == 0, err
    assert "Growth over five sessions" in " ".join(out.split())
    for arguments in (["search", path], ["evaluate", path, "--top", 1, "--seeds", 1],
                      ["predict", path, "--json"]):  # fmt: skip
        code, out, err = run(*arguments)
        assert code == 0, err
    assert json.loads(out)["forecasts"]
    write_inputs(tmp_path, MY_INPUTS.replace("pct_change(5)", "pct_change(-5)"))
    code, _, err = rnnsearch("search", path)
    assert code == 3, err
    assert "speed" in err
    write_inputs(tmp_path, "def f(prices): return prices.nothing\n")
    code, _, err = rnnsearch("check", path)
    assert code == 3, err
    assert "my_inputs.py, line 1, in f: AttributeError" in err
    write_inputs(tmp_path, "def f(prices: return 1\n")
    assert rnnsearch("check", path)[0] == 2
