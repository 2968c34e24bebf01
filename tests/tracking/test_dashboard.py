"""The dashboard's server: where it listens, and that it ends with its command."""

import contextlib
import json
import signal
import socket
import urllib.request
from pathlib import Path

import psutil
import pytest

from tests.conftest import _free_port
from tests.helpers.searches import end_group, finish, run, start, wait_until


def listening(process: psutil.Process) -> set[str]:
    """Addresses that a process and its descendants listen on."""
    found: set[str] = set()
    for one in (process, *process.children(recursive=True)):
        with contextlib.suppress(psutil.Error):
            connections = one.net_connections("inet")
            found |= {c.laddr.ip for c in connections if c.status == psutil.CONN_LISTEN}
    return found


def test_a_store_that_cannot_be_opened_is_an_error_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    code, out, err = run("dashboard", "--tracking", f"sqlite:///{tmp_path}/file/mlflow.db")
    assert code == 4
    assert out == ""
    assert "MLflow's store cannot be opened" in err
    assert "--tracking" in err


@pytest.mark.slow
def test_a_port_that_is_taken_is_said_before_anything_is_promised(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        code, out, err = run("dashboard", "--port", port)
    assert code == 2
    assert out == ""
    assert f"cannot listen on 127.0.0.1:{port}: Address already in use" in err
    assert f"--port {port + 1}" in err


@pytest.mark.slow
def test_the_dashboard_listens_on_this_machine_alone_and_leaves_nothing_running(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLFLOW_SERVER_ENABLE_JOB_EXECUTION")  # with all processes that a user has
    port = _free_port()
    command = start("dashboard", "--port", port)
    try:

        def answers() -> bool:
            assert command.poll() is None, command.communicate()
            with contextlib.suppress(OSError):
                return bool(urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5))
            return False

        wait_until(answers, 240)
        process = psutil.Process(command.pid)
        processes = process.children(recursive=True)
        assert processes
        assert listening(process) == {"127.0.0.1"}
        assert command.stdout is not None
        said = next(line for line in command.stdout if "MLflow on" in line)  # once it answers
        assert f"MLflow on http://127.0.0.1:{port}" in said
        telemetry = f"http://127.0.0.1:{port}/ajax-api/3.0/mlflow/ui-telemetry"
        assert json.load(urllib.request.urlopen(telemetry))["disable_ui_telemetry"] is True
        command.send_signal(signal.SIGTERM)  # to the command alone
        code, _, _ = finish(command)
        assert code == 128 + signal.SIGTERM
        _, alive = psutil.wait_procs(processes, timeout=60)
        assert not alive
    finally:
        end_group(command)
