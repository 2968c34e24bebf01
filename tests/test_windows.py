"""Windows, as far as it can be tried elsewhere: nothing that it lacks is needed by an import."""

import subprocess
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from rnnsearch.data import scratch

# What rnnsearch's modules see of sys, os and signal, and which modules they can have.
ON_WINDOWS = """
import builtins, importlib, os, pkgutil, signal, sys

LACKING = {
    "os": "fork forkpty getuid geteuid getgid getegid getgroups getloadavg getpgid getpgrp killpg "
    "mkfifo nice register_at_fork sched_getaffinity setsid sysconf uname wait WNOHANG".split(),
    "signal": "SIGALRM SIGCHLD SIGHUP SIGKILL SIGPIPE SIGUSR1 SIGUSR2 ITIMER_REAL alarm "
    "pthread_sigmask setitimer sigwait".split(),
    "sys": [],
}
POSIX = {"fcntl", "grp", "nis", "posix", "pty", "pwd", "readline", "resource", "spwd", "syslog",
         "termios", "tty"}
imported = builtins.__import__


class Seen:
    def __init__(self, module):
        self._module = module

    def __getattr__(self, name):
        if name in LACKING[self._module.__name__]:
            raise AttributeError(f"module {self._module.__name__!r} has no attribute {name!r}")
        if (self._module.__name__, name) == ("sys", "platform"):
            return "win32"
        return getattr(self._module, name)


def on_windows(name, globals=None, locals=None, fromlist=(), level=0):
    ours = str((globals or {}).get("__name__", "")).partition(".")[0] == "rnnsearch"
    if ours and not level and name.partition(".")[0] in POSIX:
        raise ModuleNotFoundError(f"No module named {name!r}")
    module = imported(name, globals, locals, fromlist, level)
    return Seen(module) if ours and not level and name in LACKING else module


builtins.__import__ = on_windows
import rnnsearch

names = [one.name for one in pkgutil.walk_packages(rnnsearch.__path__, "rnnsearch.")]
for name in names:
    if name != "rnnsearch.__main__":
        try:
            importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name != "ray":  # of an extra
                raise
import rnnsearch.data.atomic
assert rnnsearch.data.atomic.sys.platform == "win32"
assert not hasattr(rnnsearch.data.atomic, "fcntl")
print(len(names))
"""


@pytest.mark.slow
def test_every_module_is_imported_where_there_is_nothing_of_posix() -> None:
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", ON_WINDOWS], capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr
    assert int(ran.stdout.split()[-1]) > 200


def test_a_temporary_folder_is_made_where_none_can_be_locked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(scratch, "sys", SimpleNamespace(platform="win32"))
    made = scratch._of(-1)  # the process of none, so that its folder is kept for nobody
    assert [*tmp_path.iterdir()] == [made]
    scratch.sweep(tmp_path)
    assert made.is_dir()
    assert not scratch.is_left(made)
