"""Ctrl-C and SIGTERM at any moment of a command: one line, the promised exit code."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from tests.helpers.searches import end_group, finish, start, write_study

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals"),
]

SCRIPT = """
    import atexit, os, signal, sys, time
    from pathlib import Path
    from rnnsearch import cli

    def own() -> None:
        os.kill(os.getpid(), signal.{number})

    {moment}
    sys.argv[1:] = ["schema"]
    cli.main()
"""
CLASS = """
class Told:
    def __set_name__(self, owner, name):
        import os, signal, time
        os.kill(os.getpid(), signal.{number})
        time.sleep(0.1)
class Owner:
    told = Told()
"""


def ends(tmp_path: Path, moment: str, number: str = "SIGINT") -> "subprocess.CompletedProcess[str]":
    script = tmp_path / "script.py"
    (tmp_path / "imported.py").write_text(CLASS.format(number=number))
    moment = textwrap.indent(textwrap.dedent(moment), "    ").strip()
    script.write_text(textwrap.dedent(SCRIPT.format(moment=moment, number=number)))
    paths = [*sys.path, str(tmp_path)]
    return subprocess.run(
        [sys.executable, str(script)],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
        check=False,
    )


IMPORTED = """
import json
def dumps(*_, **__):
    import imported
    time.sleep(20)
json.dumps = dumps
"""
MADE_ANOTHER = """
import json
def dumps(*_, **__):
    try:
        own()
    except KeyboardInterrupt:
        raise RuntimeError("made of it") from None
json.dumps = dumps
"""
IN_A_FINALIZER = """
import json
class Ends:
    def __del__(self):
        own()
def dumps(*_, **__):
    Ends()
    time.sleep(20)
json.dumps = dumps
"""


@pytest.mark.parametrize("number", ["SIGINT", "SIGTERM"])
@pytest.mark.parametrize(
    "moment",
    [IMPORTED, MADE_ANOTHER, IN_A_FINALIZER],
    ids=["an import", "an error of its own", "a finalizer"],
)
def test_what_hears_a_signal_neither_drops_it_nor_makes_an_error_of_it(
    tmp_path: Path, moment: str, number: str
) -> None:
    done = ends(tmp_path, moment, number)
    assert done.stderr.strip() == "rnnsearch: interrupted"
    assert done.returncode == 128 + signal.Signals[number]


def test_a_signal_after_the_result_changes_nothing(tmp_path: Path) -> None:
    done = ends(tmp_path, "atexit.register(own)")
    assert (done.returncode, done.stderr) == (0, "")
    assert "$defs" in done.stdout


@pytest.mark.parametrize("seconds", [0.3, 1.0, 2.0])
@pytest.mark.parametrize("command", ["check", "status"])
def test_ctrl_c_at_any_moment_ends_with_the_promised_code(
    tmp_path: Path, command: str, seconds: float
) -> None:
    process = start(command, write_study(tmp_path), RNNSEARCH_HOME=str(tmp_path / "runs"))
    time.sleep(seconds)
    end_group(process, signal.SIGINT)
    code, _, err = finish(process)
    if code == -signal.SIGINT and not err:
        pytest.skip("Python itself had not begun")
    assert code in (0, 4, 130)  # 0 and 4: it was faster
    assert (code == 130) == ("interrupted" in err)
