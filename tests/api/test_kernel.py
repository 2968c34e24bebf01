"""A study in a real Jupyter kernel: its live display, its stop button, its errors."""

import os
import queue
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.manager import KernelManager

from tests.helpers.places import ROOT
from tests.helpers.searches import write_study

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("kernel")]
SECONDS = 180  # that a cell may take on a busy machine


@dataclass
class Ran:
    """What a cell said: its displays (HTML), each renewal of them, its streams, its error."""

    html: list[str] = field(default_factory=list)
    renewed: list[str] = field(default_factory=list)
    result: dict[str, Any] = field(default_factory=dict)
    out: str = ""
    err: str = ""
    error: dict[str, Any] | None = None


class Kernel:
    """A Jupyter kernel of its own process; `run` a cell, `at` hears each renewal."""

    def __init__(self, folder: Path) -> None:
        self.manager = KernelManager(kernel_name="python3")
        paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
        self.manager.start_kernel(cwd=str(folder), env=os.environ | {"PYTHONPATH": paths})
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=SECONDS)

    def run(self, code: str, at: Callable[[str], None] = lambda html: None) -> Ran:
        sent = self.client.execute(code)
        ran, end = Ran(), time.monotonic() + SECONDS
        while time.monotonic() < end:
            try:
                message = self.client.get_iopub_msg(timeout=1)
            except queue.Empty:
                continue
            content = message["content"]
            if message["parent_header"].get("msg_id") != sent:
                continue
            match message["msg_type"]:
                case "display_data":
                    ran.html.append(content["data"].get("text/html", ""))
                case "update_display_data":
                    ran.renewed.append(content["data"]["text/html"])
                    at(ran.renewed[-1])
                case "execute_result":
                    ran.result = content["data"]
                case "stream" if content["name"] == "stdout":
                    ran.out += content["text"]
                case "stream":
                    ran.err += content["text"]
                case "error":
                    ran.error = content
                case "status" if content["execution_state"] == "idle":
                    return ran
        raise AssertionError(f"still running: {code}\n{ran}")

    def end(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


@pytest.fixture(scope="module")
def kernel(
    tmp_path_factory: pytest.TempPathFactory, _mlflow_database: Path, _kernels: None
) -> Iterator[Kernel]:
    folder = tmp_path_factory.mktemp("notebook")
    (folder / "runs").mkdir()
    (folder / "runs/mlflow.db").write_bytes(_mlflow_database.read_bytes())
    write_study(folder, study={"trials": 3})
    long = {"epochs": 700, "window": 4, "batch_size": 32, "neurons": 4}
    two = {"engine": "local", "workers": 2}
    write_study(folder, "long", study={"trials": 400}, space=long, run=two)
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("RNNSEARCH_HOME", raising=False)
        running = Kernel(folder)
    try:
        imported = running.run("from rnnsearch import Study")
        assert imported.error is None
        assert imported.err == ""
        yield running
    finally:
        running.end()


def test_a_search_shows_itself_while_it_runs_and_then_what_came_out(kernel: Kernel) -> None:
    # Trials that end within one interval of the display would not be seen one by one.
    kernel.run("import rnnsearch.api.live as live; usual, live.SECONDS = live.SECONDS, 0.0")
    ran = kernel.run("study = Study('small'); study.search()")
    kernel.run("live.SECONDS = usual")
    assert ran.error is None
    assert ran.err == ran.out == ""
    assert len(ran.html) == 1, "one output, which is renewed"
    assert "reading the data" in ran.html[0]
    live = [html for html in ran.renewed if "The stop button is Ctrl-C" in html]
    assert any("best so far: skill" in html and "<progress" in html for html in live)
    assert any(re.search(r"[\d.]+ (s|min) left", html) for html in live)
    last = ran.renewed[-1]
    assert "The stop button" not in last
    assert "3/3" in last
    assert "Best trials on validation rows" in last
    assert "trial    2  " in last
    shown = kernel.run("study")
    assert "3 of 3 trials finished" in shown.result["text/html"]
    assert "<table" in kernel.run("study.best").result["text/html"]


def test_the_stop_button_lets_running_trials_finish_and_loses_nothing(kernel: Kernel) -> None:
    pressed: list[str] = []

    def press(html: str) -> None:
        if not pressed and "best so far: skill" in html:
            pressed.append(html)
            kernel.manager.interrupt_kernel()

    ran = kernel.run("study = Study('long'); study.search()", press)
    assert pressed
    assert ran.error is not None
    assert ran.error["ename"] == "Stopped"
    (said,) = ran.error["traceback"]
    assert said.startswith("stopped; nothing is lost: search() of Study('long') goes on from here")
    finishing = r"running trials? (is|are) being finished; Ctrl-C again stops at once"
    assert re.search(finishing, ran.renewed[-1])
    facts = "[s[k] for k in ('complete', 'running', 'failed', 'interrupted', 'waiting')]"
    told = kernel.run(f"s = study.status(); print(*{facts}, len(s['workers']))").out
    complete, running, failed, ahead, queued, workers = map(int, told.split())
    assert complete >= 2, "the one that had finished, and those that were running"
    assert running == failed == workers == 0
    assert ahead == queued, "what was asked ahead and not begun is the next to be trained"
    again = kernel.run("study.search(trials='+1'); s = study.status(); print(s['complete'])")
    assert again.error is None
    assert int(again.out) == complete + 1


def test_bad_input_is_told_without_a_traceback(kernel: Kernel) -> None:
    for code, error, said in (
        ("Study('nothere')", "StudyFileError", "nothere: there is no such study file"),
        ("Study('small').search('x')", "StudyFileError", "--trials: a number from 1 on"),
        ("Study.from_csv('x.csv')", "DataError", "x.csv"),
        ("Study.from_dict({'data': {'sample': 'x'}})", "StudyFileError", "[data] sample"),
    ):
        ran = kernel.run(code)
        assert ran.error is not None, code
        assert ran.error["ename"] == error
        lines = "\n".join(ran.error["traceback"])
        assert lines.startswith(f"{error}: ")
        assert said in lines
        assert 'File "' not in lines
        assert ran.err == ""
