"""Cells of a user's own, from a file or an installed package, through search, evaluate, predict."""

import importlib
import json
import math
import multiprocessing
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from rnnsearch import cells
from rnnsearch.config import StudyFile, load_study
from rnnsearch.data.prices.load import read_prices
from rnnsearch.errors import StorageError, StudyFileError
from rnnsearch.model.forecasting.forecaster import Forecaster
from rnnsearch.model.networks.network import Network, build_network
from rnnsearch.model.networks.own_cell import try_cell
from rnnsearch.model.training import Trainer
from rnnsearch.own_code import read_code
from rnnsearch.search import searching as search_module
from rnnsearch.search.problem import Problem
from rnnsearch.search.trial.protocol import Crashed, Done, Failed
from rnnsearch.search.trial.worker import serve
from rnnsearch.verdict.evaluation import champion_folder, evaluate
from rnnsearch.verdict.prediction import predict
from tests.helpers.evaluated import quiet, search_inline
from tests.helpers.searches import Notes, run, task, write_study
from tests.model.test_training import SETTINGS, make_fold, make_table

pytestmark = pytest.mark.slow  # whole searches or commands

MY_CELLS = '''\
"""A minimal gated unit (Zhou et al. 2016): one gate, two thirds of the weights of a GRU."""

import torch
from torch import nn

from gates import squash


class MyCell(nn.Module):
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.gate = nn.Linear(input_size + hidden_size, hidden_size)
        self.new = nn.Linear(input_size + hidden_size, hidden_size)

    def forward(self, x):  # (batch, window, inputs)
        h = x.new_zeros(len(x), self.gate.out_features)
        states = []
        for session in x.unbind(1):
            f = squash(self.gate(torch.cat([session, h], 1)))
            n = torch.tanh(self.new(torch.cat([session, f * h], 1)))
            h = (1 - f) * h + f * n
            states.append(h)
        return torch.stack(states, 1)  # (batch, window, neurons)
'''
GATES = "from torch import sigmoid as squash\n"


def write_cells(folder: Path, text: str = MY_CELLS) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "my_cells.py").write_text(text, encoding="utf-8")
    (folder / "gates.py").write_text(GATES, encoding="utf-8")


def install(folder: Path, version: str = "1.2", name: str = "minimal") -> Path:
    """A distribution that brings the cell `minimal`, as an installer leaves it."""
    about = folder / f"their_cells-{version}.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: their-cells\nVersion: {version}\n"
    )
    (about / "entry_points.txt").write_text(f"[rnnsearch.cells]\n{name} = their_cells:MyCell\n")
    text = MY_CELLS.replace("from gates import squash", "from torch import sigmoid as squash")
    (folder / "their_cells.py").write_text(text)
    return folder


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    site = install(tmp_path / "site")
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setenv("PYTHONPATH", f"{site}:{':'.join(filter(None, sys.path))}")
    importlib.invalidate_caches()
    yield site
    sys.modules.pop("their_cells", None)


OWN = "my_cells.py:MyCell"


def study_with(folder: Path, cell: Any, **changes: Any) -> Path:
    write_cells(folder)
    return write_study(folder, **({"space": {"cell": cell}} | changes))


# --- names


@pytest.mark.parametrize(
    ("cell", "told"),
    [
        ("LSTM", "should be 'rnn', 'lstm', 'gru', 'birnn', 'bilstm', 'bigru' or a cell of your own "
         "(\"my_cells.py:MyCell\"), got 'LSTM'; did you mean \"lstm\"?"),
        ("transformer", "got 'transformer'"),
        ("my_cells.py", "a cell of your own is written \"my_cells.py:MyCell\""),
        ("my_cells.py:", "a cell of your own is written"),
        ("my_cells.py:My Cell", "a cell of your own is written"),
        ("my_cells:MyCell", "or a cell of your own (\"my_cells.py:MyCell\")"),
    ],
)  # fmt: skip
def test_an_unknown_cell_is_refused_with_the_known_ones(
    tmp_path: Path, cell: str, told: str
) -> None:
    for value in (cell, ["lstm", cell]):
        with pytest.raises(StudyFileError) as error:
            load_study(study_with(tmp_path, value))
        assert "[space] cell" in str(error.value)
        assert told in str(error.value)


def test_an_installed_cell_is_known_by_its_name(installed: Path, tmp_path: Path) -> None:
    assert load_study(study_with(tmp_path, "minimal")).space.cell == "minimal"
    with pytest.raises(StudyFileError, match='did you mean "minimal"'):
        load_study(study_with(tmp_path, "miniml"))


def test_a_file_or_a_class_that_is_not_there_is_told_with_the_nearest(
    tmp_path: Path, home: Path
) -> None:
    for cell, told in [
        ("my_cell.py:MyCell", "there is no file 'my_cell.py'; did you mean my_cells.py?"),
        ("my_cells.py:MyCel", "my_cells.py has no 'MyCel'; did you mean MyCell?"),
    ]:
        with pytest.raises(StudyFileError) as error:
            Problem.load(load_study(study_with(tmp_path, cell)), tried=True)
        assert f"[space] cell: {told}" in str(error.value)


def test_titles_name_a_cell_in_short() -> None:
    assert [cells.label(name) for name in ("lstm", "bigru", OWN)] == ["lstm", "bi-gru", "MyCell"]


# --- what a cell must be


def own(folder: Path, body: str, imports: str = "") -> cells.Cell:
    text = f"import torch\nfrom torch import nn\n{imports}\n\nclass MyCell(nn.Module):\n"
    (folder / "my_cells.py").write_text(text + body, encoding="utf-8")
    return cells.get(OWN, {"my_cells.py": read_code("my_cells.py", folder, "[space] cell")})


BODY = """
    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.rnn = nn.GRU(input_size, hidden_size, batch_first=True)
        self.size = hidden_size

    def forward(self, x):
        return self.rnn(x)
"""


def test_a_cell_may_be_made_of_torch_s_own(tmp_path: Path) -> None:
    cell = own(tmp_path, BODY)
    try_cell(cell, 4, 3)
    ours, gru = (
        build_network(one, 3, (4, 4), 0.0, seed=1, device=torch.device("cpu"))
        for one in (cell, "gru")
    )
    state = gru.state_dict()
    for name in ours.state_dict():
        layer, _, rest = name.removeprefix("layers.").partition(".cell.rnn.")
        source = name if name.startswith("head") else f"layers.0.{rest.replace('l0', f'l{layer}')}"
        ours.state_dict()[name].copy_(state[source])
    x = torch.randn(5, 7, 3)
    torch.testing.assert_close(ours(x), gru(x))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("batch_first=True", "batch_first=False"), "give torch's own layers batch_first=True"),
        (("return self.rnn(x)", "return self.rnn(x)[0][:, -1]"),
         "must give its state after each session, (batch, window, hidden_size) = (4, 5, 4)"),
        (("return self.rnn(x)", "return self.rnn(x)[0] / 0"), "is not a finite number"),
        (("return self.rnn(x)", "x *= 2\n        return self.rnn(x)"),
         "changes its input in place"),
        (("return self.rnn(x)", "return self.rnn(nn.functional.dropout(x))"), "from call to call"),
        (("return self.rnn(x)", "return self.rnn(x)[0].detach()"), "cannot be trained"),
        (("self.size = hidden_size", "self.idle = nn.Linear(2, 2)"), "'idle.weight' has no effect"),
        (("return self.rnn(x)", "return x.strange"),
         "my_cells.py, line 13, in forward: AttributeError: 'Tensor' object has no attribute"),
        (("super().__init__()", "assert hidden_size % 8 == 0"),
         "my_cells.py, line 8, in __init__: AssertionError"),
        (("return self.rnn(x)", "import sys\n        sys.exit(7)"), "in forward: SystemExit: 7"),
    ],
)  # fmt: skip
def test_a_cell_that_cannot_be_one_is_refused_with_the_reason(
    tmp_path: Path, change: tuple[str, str], told: str
) -> None:
    with pytest.raises(StudyFileError) as error:
        try_cell(own(tmp_path, BODY.replace(*change)), 4, 5)
    assert told in str(error.value)
    assert "[space] cell: " in str(error.value)


def test_what_is_no_module_is_refused(tmp_path: Path) -> None:
    (tmp_path / "my_cells.py").write_text("def MyCell(a, b): return a\nLIMIT = 3\n")
    code = {"my_cells.py": read_code("my_cells.py", tmp_path, "[space] cell")}
    with pytest.raises(StudyFileError, match=r"makes a int; let it be a torch\.nn\.Module"):
        try_cell(cells.get(OWN, code), 4, 5)
    with pytest.raises(StudyFileError, match=r"LIMIT is a int, and cannot be called"):
        try_cell(cells.get("my_cells.py:LIMIT", code), 4, 5)


def test_layers_dropout_and_seeds_are_ours(tmp_path: Path) -> None:
    def build(seed: int) -> Network:
        cell = own(tmp_path, BODY)
        return build_network(cell, 3, (4, 2), 0.5, seed=seed, device=torch.device("cpu"))

    one, same, other = build(3), build(3), build(4)
    x = torch.randn(5, 7, 3)
    torch.testing.assert_close(one.eval()(x), same.eval()(x))
    assert not torch.allclose(one(x), other.eval()(x))
    assert one(x).shape == (5,)
    assert not torch.allclose(one.train()(x), one(x))


def test_what_a_cell_counts_while_it_trains_is_kept_with_averaged_weights(tmp_path: Path) -> None:
    body = BODY.replace("self.size = hidden_size", "self.norm = nn.BatchNorm1d(input_size)")
    body = body.replace("self.rnn(x)", "self.rnn(self.norm(x.transpose(1, 2)).transpose(1, 2))")
    table = make_table()
    settings = replace(SETTINGS, cell=own(tmp_path, body), averaging=True)
    trainer = Trainer(table, [make_fold(table)], settings, loss="mse")
    list(trainer.run())
    buffers = dict(trainer.networks[0].named_buffers())
    steps = settings.epochs * math.ceil(190 / settings.batch_size)
    assert int(buffers["layers.0.cell.norm.num_batches_tracked"]) == steps
    assert bool((buffers["layers.0.cell.norm.running_mean"] != 0).all())


# --- from the search to a forecast


def searched(path: Path) -> dict[str, Any]:
    search_inline(path)
    return evaluate(load_study(path), top=1, seeds=2, say=quiet)


@pytest.mark.parametrize("cell", [OWN, "minimal"])
def test_a_cell_is_searched_evaluated_and_predicted_with(
    installed: Path, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cell: str
) -> None:
    path = study_with(tmp_path, cell, study={"trials": 2})
    answer = searched(path)
    assert answer["champion"]["params"]["cell"] == cell
    study = load_study(path)
    said = predict(study)["forecasts"]
    assert evaluate(study, top=1, seeds=2, say=quiet)["dates"] == answer["dates"]
    folder = champion_folder(study)
    # Served elsewhere: the code is that of the folder, whatever became of the study's.
    for file in tmp_path.glob("*.py"):
        file.unlink()
    for module in [name for name in sys.modules if name.startswith("rnnsearch_own_")]:
        monkeypatch.delitem(sys.modules, module)
    served = Forecaster.load(folder).forecast(read_prices(study.data))
    assert served["forecast_price"].tolist() == [one["forecast_price"] for one in said]


def test_changed_code_is_told_with_what_to_do(home: Path, tmp_path: Path) -> None:
    path = study_with(tmp_path, ["gru", OWN], study={"trials": 2})
    searched(path)
    for file in ("my_cells.py", "gates.py"):
        text = (tmp_path / file).read_text()
        (tmp_path / file).write_text(text + "# another state\n")
        study = load_study(path)
        for again in (
            lambda study: search_module.search(study, Notes()),
            lambda study: evaluate(study, say=quiet),
            predict,
        ):
            with pytest.raises(StudyFileError) as error:
                again(study)
            told = str(error.value)
            assert "the study file has changed: the code of my_cells.py is another" in told
            assert "Put it back, or give [study] another name" in told
        (tmp_path / file).write_text(text)
    assert predict(load_study(path))["forecasts"]
    # The advice is taken: a new study begins with what still applies.
    (tmp_path / "gates.py").write_text(GATES + "# another state\n")
    new = study_with(tmp_path, ["gru", OWN], study={"trials": 2, "name": "second"})
    (tmp_path / "gates.py").write_text(GATES + "# another state\n")
    notes = Notes()
    search_module.search(load_study(new), notes, fork_of="small")
    assert any("begins with small: 0 finished trials still hold" in n for n in notes.notices)


def test_an_installed_cell_of_another_version_is_told(
    installed: Path, home: Path, tmp_path: Path
) -> None:
    path = study_with(tmp_path, "minimal", study={"trials": 1})
    searched(path)
    (installed / "their_cells-1.2.dist-info").rename(installed / "their_cells-1.3.dist-info")
    about = installed / "their_cells-1.3.dist-info/METADATA"
    about.write_text(about.read_text().replace("1.2", "1.3"))
    importlib.invalidate_caches()
    with pytest.raises(StudyFileError, match=r"code of minimal is another \(their-cells==1\.2 was"):
        predict(load_study(path))


def test_a_champion_whose_package_is_gone_says_which(
    installed: Path, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = study_with(tmp_path, "minimal", study={"trials": 1})
    searched(path)
    folder = champion_folder(load_study(path))
    assert saved_requirements(folder, load_study(path), tmp_path)[-1] == "their-cells==1.2"
    monkeypatch.setattr(sys, "path", [one for one in sys.path if one != str(installed)])
    importlib.invalidate_caches()
    with pytest.raises(StudyFileError, match="no installed package brings the cell 'minimal'"):
        Forecaster.load(folder)


def saved_requirements(champion: Path, study: StudyFile, folder: Path) -> list[str]:
    from rnnsearch.publish.registry import _save_model

    _save_model(folder / "model", champion, study)
    text = (folder / "model" / "requirements.txt").read_text()
    return [line for line in text.splitlines() if line]


def test_a_trial_whose_cell_breaks_fails_with_its_place(home: Path, tmp_path: Path) -> None:
    path = study_with(tmp_path, [OWN, "gru"], study={"trials": 6, "sampler": "random"})
    text = MY_CELLS.replace(
        "super().__init__()", "super().__init__()\n        assert hidden_size < 4"
    )
    write_cells(tmp_path, text)
    store = search_module.search(load_study(path), Notes())
    reasons = {str(trial.reason) for trial in store.trials("failed")}
    assert reasons == {"[space] cell: my_cells.py, line 12, in __init__: AssertionError"}
    assert {trial.state for trial in store.trials()} == {"failed", "complete"}


def test_code_that_was_changed_in_a_champion_s_folder_is_damage(home: Path, tmp_path: Path) -> None:
    path = study_with(tmp_path, OWN, study={"trials": 1})
    searched(path)
    folder = champion_folder(load_study(path))
    [file] = (folder / "code").glob("*/gates.py")
    file.write_text("from torch import tanh as squash\n")
    with pytest.raises(StorageError, match="is not the code that the champion was made of"):
        Forecaster.load(folder)
    assert evaluate(load_study(path), top=1, seeds=2, say=quiet)  # makes it again
    assert Forecaster.load(folder).code["my_cells.py"].files["gates.py"] == GATES


@pytest.mark.slow
def test_worker_processes_train_such_cells(installed: Path, home: Path, tmp_path: Path) -> None:
    study = {"trials": 3, "sampler": "random"}
    path = study_with(tmp_path, [OWN, "minimal"], study=study, run={"engine": "local"})
    store = search_module.search(load_study(path), Notes())
    assert [trial.state for trial in store.trials()] == ["complete"] * 3
    assert {trial.drawn["cell"] for trial in store.trials()} == {OWN, "minimal"}
    said = run("evaluate", path, "--top", 1, "--seeds", 2, "--json")
    assert said[0] == 0, said[2]
    code, out, err = run("predict", path, "--json")
    assert code == 0, err
    assert json.loads(out)["forecasts"]


@pytest.mark.slow
def test_a_process_that_begins_anew_trains_such_cells(
    installed: Path, home: Path, tmp_path: Path
) -> None:
    """As where processes cannot be forked: it has what it was sent, and no file of the study."""
    problem = Problem.load(load_study(study_with(tmp_path, [OWN, "minimal"])), tried=True)
    (tmp_path / "my_cells.py").unlink()
    (tmp_path / "gates.py").unlink()
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=serve, args=(problem.worker_setup("cpu", 1), theirs))
    process.start()
    try:
        for number, cell in enumerate([OWN, "minimal"]):
            ours.send(task(number, cell=cell))
            said = iter(ours.recv, None)
            assert any(isinstance(message, Done) for message in said_until_end(said))
    finally:
        process.kill()
        process.join()


def said_until_end(messages: Iterator[Any]) -> list[Any]:
    heard = []
    for message in messages:
        heard.append(message)
        if isinstance(message, Done | Failed | Crashed):
            break
    return heard
