"""The faults of `bench_faults`: what is broken, when, and what the command promises to do then."""

import contextlib
import os
import random
import re
import shutil
import signal
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from rnnsearch.data import scratch
from tests.bench.fuzzing import fuzz
from tests.bench.machinery import Study
from tests.helpers.faults import Network, failing_server, restart_postgres, small_disk

KILLED = -signal.SIGKILL
REPORT, TELL = "optuna.Trial.report", "optuna.Study.tell"
EXPERIMENT, STORE = "rnnsearch.tracking.Experiment", "rnnsearch.search.store.store.Store"
BOTH: dict[str, Any] = {"postgres": True, "mlflow": True}
LONG: dict[str, Any] = {"postgres": True, "epochs": 300}
ROUNDS = 3  # faults in one study; a driver that dies five times over one trial fails it


@dataclass(frozen=True)
class Fault:
    name: str
    inject: Callable[[Study, random.Random], int]
    """Has it take place in a study; returns how often it did."""
    postgres: bool = False
    mlflow: bool = False  # a server, or else a file
    epochs: int = 30

    @property
    def slug(self) -> str:
        return re.sub(r"\W+", "-", self.name.lower())[:40].strip("-")


# --- drivers ------------------------------------------------------------------------------------


def killed_at(function: str, after: bool, calls: int, afresh: bool) -> Callable[..., int]:
    """The driver is killed at one of its first `calls` calls of a function."""

    def inject(study: Study, chance: random.Random) -> int:
        died = 0
        for _ in range(ROUNDS):
            if afresh:
                shutil.rmtree(study.home / "cache", ignore_errors=True)
            code, _ = study.run(0, KILLED, kill=[function, after, chance.randint(1, calls)])
            died += code == KILLED
        return died

    return inject


EVALUATION = [
    ("rnnsearch.model.forecasting.forecaster.replace_file", True),  # of the champion's two
    ("rnnsearch.verdict.evaluation.open_test", False),
    ("rnnsearch.verdict.evaluation.open_test", True),
    ("rnnsearch.verdict.evaluation.compare", True),
    ("mlflow.MlflowClient.create_model_version", True),
]


def killed_evaluating(study: Study, chance: random.Random) -> int:
    study.run(0)
    died = 0
    for function, after in chance.sample(EVALUATION, ROUNDS):
        code, _ = study.run(0, KILLED, command="evaluate", kill=[function, after, 1])
        died += code == KILLED
    study.run(0, command="evaluate")
    study.run(0, command="predict")
    return died


def killed_at_take_over(study: Study, chance: random.Random) -> int:
    study.run(KILLED, kill=[TELL, False, chance.randint(1, 5)])
    study.run(KILLED, kill=[f"{STORE}._queue_again", chance.random() < 0.5, 1])
    return 1


def killed_at_random(study: Study, chance: random.Random) -> int:
    died = 0
    for _ in range(ROUNDS):
        driver = study.start()
        if chance.random() < 0.3:
            time.sleep(chance.uniform(0, 5))
        else:
            study.begun(driver, finished=chance.randint(0, 4))
            time.sleep(chance.uniform(0, 0.5))
        died += driver.poll() is None
        driver.kill()
        study.end(driver, 0, KILLED)
    return died


def signalled(study: Study, chance: random.Random) -> int:
    heard = 0
    for _ in range(ROUNDS):
        driver = study.start()
        study.begun(driver, finished=chance.randint(0, 4))
        heard += driver.poll() is None
        for _ in range(chance.randint(1, 2)):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(driver.pid, chance.choice([signal.SIGINT, signal.SIGTERM]))
            time.sleep(chance.uniform(0, 0.3))
        study.end(driver, 0, 130, 143, -signal.SIGTERM)  # not caught yet, or any more
    return heard


def one_of_two_killed(study: Study, chance: random.Random) -> int:
    drivers = [study.start() for _ in range(2)]
    study.begun(drivers[0], finished=chance.randint(0, 2))
    died = drivers[0].poll() is None
    drivers[0].kill()
    study.end(drivers[0], 0, KILLED)
    study.end(drivers[1], 0)
    return int(died)


def two_at_once(study: Study, chance: random.Random) -> int:
    drivers = [study.start() for _ in range(2)]
    for driver in drivers:
        study.end(driver, 0)
    return 1


def second_on_sqlite(study: Study, chance: random.Random) -> int:
    drivers = [study.start() for _ in range(2)]
    codes = [study.end(driver, 0, 4)[0] for driver in drivers]
    return int(4 in codes)


def stopped_past_its_lease(study: Study, chance: random.Random) -> int:
    stopped, other = study.start(), study.start()
    study.begun(stopped, finished=1)
    with contextlib.suppress(ProcessLookupError):
        stopped.send_signal(signal.SIGSTOP)
    study.end(other, 0)
    with contextlib.suppress(ProcessLookupError):
        stopped.send_signal(signal.SIGCONT)
    _, err = study.end(stopped, 0)
    return int("another one has taken it over" in err)


# --- workers ------------------------------------------------------------------------------------


def worker(what: str) -> Callable[..., int]:
    """It happens in the second trial of every worker, so of its successors too."""

    def inject(study: Study, chance: random.Random) -> int:
        quiet = {"QUIET_SECONDS": 4.0, "UNKNOWN_SECONDS": 10.0, "QUIET_EPOCHS": 4}
        changed = {
            f"rnnsearch.search.engines.watching.{name}": value for name, value in quiet.items()
        }
        study.run(0, worker=[what, 2], set=changed if what == "hang" else {})
        return len(study.log.read_text().splitlines())

    return inject


def fork_server_killed(study: Study, chance: random.Random) -> int:
    """What workers are forked from, and by that all of them, again and again."""
    driver = study.start()
    died = 0
    for finished in range(ROUNDS):
        study.begun(driver, finished=finished)
        time.sleep(chance.uniform(0, 1))
        with contextlib.suppress(psutil.Error):
            for process in psutil.Process(driver.pid).children():
                if "forkserver" in " ".join(process.cmdline()):
                    process.kill()
                    died += 1
    _, err = study.end(driver, 0)
    states = [trial.state for trial in study.store.trials()]
    if "failed" in states:
        study.complain(f"a trial was blamed: {states}: {err[-800:]}")
    return died


# --- what is left, and commands that are told to end ---------------------------------------------


def all_killed(study: Study, chance: random.Random) -> int:
    """The driver with all its processes; nothing of theirs may stay in the temporary folder."""
    died = 0
    for _ in range(ROUNDS):
        driver = study.start()
        study.begun(driver, finished=chance.randint(0, 2))
        died += driver.poll() is None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(driver.pid, signal.SIGKILL)
        study.end(driver, 0, KILLED)
    study.run(0)
    place = Path(tempfile.gettempdir())
    left = [f for f in place.glob(f"{scratch.PREFIX}*") if scratch.is_left(f)]
    if left:
        study.complain(f"left: {left}")
    return died


def commands_interrupted(study: Study, chance: random.Random) -> int:
    study.run(0)
    study.run(0, command="evaluate")
    heard = 0
    for name in ("check", "status", "predict", "sync", "report", "evaluate"):
        command = study.start(name, module="rnnsearch")  # the harness hears no signal
        time.sleep(chance.uniform(0.3, 4))
        heard += command.poll() is None
        kind = chance.choice([signal.SIGINT, signal.SIGTERM])
        with contextlib.suppress(ProcessLookupError):
            os.killpg(command.pid, kind)
        code, err = study.end(command, 0, 128 + kind, -kind)
        if code < 0 and err:
            study.complain(f"{name}: {code}: {err}")
    return heard


# --- damage -------------------------------------------------------------------------------------


def _flip(file: Path, chance: random.Random) -> None:
    content = bytearray(file.read_bytes())
    place = chance.choice([place for place, byte in enumerate(content) if byte])
    content[place] ^= 1 << chance.randrange(8)
    file.write_bytes(content)


def store_damaged(study: Study, chance: random.Random) -> int:
    """One bit; a digit may be another one then, which nobody can see."""
    study.run(0, 130, 143)
    file = study.home / "optuna.db"
    with contextlib.closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    whole = file.read_bytes()
    for name in ("status", "search", "report", "sync"):
        _flip(file, chance)
        study.run(0, 2, 3, 4, command=name)
        for extra in ("-wal", "-shm"):
            Path(f"{file}{extra}").unlink(missing_ok=True)
        file.write_bytes(whole)
    study.run(0, command="sync")  # MLflow was told what was read
    return 4


def mlflow_damaged(study: Study, chance: random.Random) -> int:
    driver = study.start()
    study.begun(driver, finished=2)
    driver.kill()
    study.end(driver, 0, KILLED)
    file = study.tracking / "mlflow.db"
    content = bytearray(file.read_bytes())
    place = chance.choice([0, chance.randrange(len(content))])
    content[place : place + 4096] = chance.randbytes(4096)
    file.write_bytes(content)
    code, _ = study.run(0)
    file.rename(f"{file}.damaged")
    for extra in ("-wal", "-shm", "-journal"):
        Path(f"{file}{extra}").unlink(missing_ok=True)
    study.run(0, command="sync")
    return int(code == 0)


def champion_damaged(study: Study, chance: random.Random) -> int:
    study.run(0)
    study.run(0, command="evaluate")
    for name in ("forecaster.json", "weights.safetensors"):
        _flip(study.home / "champions" / study.folder.name / name, chance)
        study.run(4, command="predict")
        study.run(0, command="evaluate")
        study.run(0, command="predict")
    return 2


def pipes_for_the_cache(study: Study, chance: random.Random) -> int:
    study.run(0)
    files = [file for file in (study.home / "cache").iterdir() if file.suffix in (".npy", ".json")]
    for file in files:
        file.unlink()
        os.mkfifo(file)
    study.run(0, command="check")
    study.run(0, command="sync")
    return len(files)


def fuzzed(kind: str, count: int) -> Callable[..., int]:
    """Files that nobody would write, each read by a command."""

    def inject(study: Study, chance: random.Random) -> int:
        for complaint in fuzz(kind, count, chance.randrange(10**6)).complaints:
            study.complain(complaint)
        return count

    return inject


# --- MLflow -------------------------------------------------------------------------------------


def mlflow(begin: str, end: str | None, breaks: str) -> Callable[..., int]:
    """MLflow fails from one moment on, until another or for good: start, middle or end."""
    finished = {"middle": (1, 2), "end": (4, 4)}

    def inject(study: Study, chance: random.Random) -> int:
        with contextlib.ExitStack() as stack:
            driver = None
            for moment, action in ((begin, breaks), (end, "mend")):
                if moment is None:
                    continue
                if driver is None and moment != "start":
                    driver = study.start()
                if driver is not None:
                    study.begun(driver, finished=chance.randint(*finished[moment]))
                _break_mlflow(study, action, stack)
            study.end(driver or study.start(), 0)
            _break_mlflow(study, "mend", stack)
        return 1

    return inject


def _break_mlflow(study: Study, how: str, stack: contextlib.ExitStack) -> None:
    network = study.tracking_network
    assert network is not None
    match how:
        case "cut":
            network.cut()
        case "freeze":
            network.freeze()
        case "slow":
            network.delay = 0.3
        case "500":
            network.lead_to(("127.0.0.1", stack.enter_context(failing_server(lambda: 500))))
        case "kill":
            study.machinery.mlflow.stop()
        case "mend":
            network.delay = 0.0
            network.lead_back()
            network.mend()
            study.machinery.mlflow.start()


# --- storage ------------------------------------------------------------------------------------


def sqlite_locked(study: Study, chance: random.Random) -> int:
    driver = study.start()
    held = 0
    for finished in range(ROUNDS):
        study.begun(driver, finished=finished)
        held += driver.poll() is None
        with _held(study):
            time.sleep(chance.uniform(1, 4))
    study.end(driver, 0)
    return held


def sqlite_locked_for_long(study: Study, chance: random.Random) -> int:
    driver = study.start(set={"rnnsearch.search.store.databases.BUSY_SECONDS": 1.0})
    study.begun(driver, finished=chance.randint(0, 3))
    with _held(study):
        code, _ = study.end(driver, 0, 4)
    return int(code == 4)


@contextlib.contextmanager
def _held(study: Study) -> Iterator[None]:
    """Another program writes to the database and does not come to an end."""
    with contextlib.closing(sqlite3.connect(study.home / "optuna.db", timeout=60)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.rollback()


def postgres_restarted(study: Study, chance: random.Random) -> int:
    def fault() -> None:
        restart_postgres(study.machinery.postgres, away=chance.uniform(0, 3))

    return _while_searching(study, chance, fault)


def network_cut(study: Study, chance: random.Random) -> int:
    return _while_searching(study, chance, lambda: _cut(study, chance.uniform(1, 5)))


def network_cut_for_a_minute(study: Study, chance: random.Random) -> int:
    return _while_searching(study, chance, lambda: _cut(study, 60), rounds=1)


def network_frozen(study: Study, chance: random.Random) -> int:
    def fault() -> None:
        _network(study).freeze()
        time.sleep(chance.uniform(1, 5))
        _network(study).mend()

    return _while_searching(study, chance, fault)


def _network(study: Study) -> Network:
    assert study.storage_network is not None  # the fault asked for PostgreSQL
    return study.storage_network


def _cut(study: Study, seconds: float) -> None:
    _network(study).cut()
    time.sleep(seconds)
    _network(study).mend()


def _while_searching(
    study: Study, chance: random.Random, fault: Callable[[], None], rounds: int = ROUNDS
) -> int:
    driver = study.start()
    broken = 0
    for finished in range(rounds):
        study.begun(driver, finished=finished)
        time.sleep(chance.uniform(0, 0.3))
        broken += driver.poll() is None
        fault()
    study.end(driver, 0)
    return broken


def network_cut_for_good(study: Study, chance: random.Random) -> int:
    driver = study.start(set={"rnnsearch.search.driver.patience.OUTAGE_SECONDS": 2.0})
    study.begun(driver, finished=chance.randint(0, 3))
    _network(study).cut()
    code, _ = study.end(driver, 0, 4)
    _network(study).mend()
    return int(code == 4)


def replies_lost(study: Study, chance: random.Random) -> int:
    study.run(0, lose=[chance.randint(60, 400) for _ in range(ROUNDS)])
    return len(study.log.read_text().splitlines()) if study.log.exists() else 0


# --- disks --------------------------------------------------------------------------------------


def disk_full(*sizes: int) -> Callable[..., int]:
    """The folder of store and cache has so many kB."""

    def inject(study: Study, chance: random.Random) -> int:
        shutil.rmtree(study.home)
        study.home.mkdir()
        resize = study.stack.enter_context(small_disk(study.home, f"{chance.randint(*sizes)}k"))
        code, _ = study.run(0, 4)
        resize("64m")
        return int(code == 4)

    return inject


def mlflow_disk_full(study: Study, chance: random.Random) -> int:
    database = study.tracking / "mlflow.db"
    content = database.read_bytes()
    room = len(content) // 1024 + chance.randint(20, 150)
    resize = study.stack.enter_context(small_disk(study.tracking, f"{room}k"))
    database.write_bytes(content)
    _, err = study.run(0)
    resize("64m")
    return int("MLflow does not answer" in err)


def champion_disk_full(study: Study, chance: random.Random) -> int:
    shutil.rmtree(study.home)
    study.home.mkdir()
    resize = study.stack.enter_context(small_disk(study.home, "64m"))
    study.run(0)
    used = sum(file.stat().st_blocks * 512 for file in study.home.rglob("*")) // 1024
    resize(f"{used + chance.randint(4, 60)}k")
    code, err = study.run(0, 4, command="evaluate")
    resize("64m")
    study.run(0, command="evaluate")
    study.run(0, command="predict")
    return int(code == 4 or "did not take" in err)


def _killed(when: str, function: str, *, after: bool, calls: int, afresh: bool = False) -> Fault:
    return Fault(f"driver killed {when}", killed_at(function, after, calls, afresh))


FAULTS = [
    _killed("after a trial is asked", "optuna.Study.ask", after=True, calls=7),
    _killed("before the first report", REPORT, after=False, calls=1),
    _killed("after a report", REPORT, after=True, calls=60),
    _killed("before a trial is told", TELL, after=False, calls=6),
    _killed("after a trial is told", TELL, after=True, calls=6),
    _killed("before a run is made in MLflow", f"{EXPERIMENT}._create", after=False, calls=5),
    _killed("after a run is made in MLflow", f"{EXPERIMENT}._create", after=True, calls=5),
    _killed("after a run is written", f"{EXPERIMENT}.write", after=True, calls=12),
    _killed("before it notes what MLflow has", f"{STORE}.mark_tracked", after=False, calls=4),
    _killed("while it writes the cache", "os.replace", after=False, calls=3, afresh=True),
    Fault("driver killed while it takes trials over", killed_at_take_over),
    Fault("driver killed at a random moment, SQLite", killed_at_random),
    Fault("driver killed at a random moment, PostgreSQL, MLflow server", killed_at_random, **BOTH),
    Fault("evaluate killed", killed_evaluating),
    Fault("driver told to stop: Ctrl-C, Ctrl-C twice, SIGTERM", signalled),
    Fault("one of two drivers killed, PostgreSQL", one_of_two_killed, **BOTH),
    Fault("two drivers begin at once, PostgreSQL", two_at_once, **BOTH),
    Fault("two drivers begin at once, SQLite: one is refused", second_on_sqlite),
    Fault("driver stopped past its lease, then continued", stopped_past_its_lease, **LONG),
    Fault("worker killed", worker("kill")),
    Fault("worker hung", worker("hang")),
    Fault("worker out of memory", worker("memory")),
    Fault("worker with an error of its own", worker("raise")),
    Fault("worker whose skill is no number", worker("nan")),
    Fault("what workers are forked from killed", fork_server_killed, epochs=300),
    Fault("driver and all its processes killed", all_killed),
    Fault("any command told to stop: Ctrl-C, SIGTERM", commands_interrupted),
    Fault("one bit of the study's store flipped", store_damaged),
    Fault("MLflow's database damaged", mlflow_damaged),
    Fault("one bit of the champion flipped", champion_damaged),
    Fault("pipes in place of the cache", pipes_for_the_cache),
    Fault("500 study files that nobody would write", fuzzed("studies", 500)),
    Fault("500 price files that nobody would write", fuzzed("prices", 500)),
    Fault("MLflow down at the start, back later", mlflow("start", "middle", "cut"), mlflow=True),
    Fault("MLflow down from the middle on", mlflow("middle", None, "cut"), mlflow=True),
    Fault("MLflow down at the end", mlflow("end", None, "cut"), mlflow=True),
    Fault("MLflow killed, started again", mlflow("middle", "end", "kill"), mlflow=True),
    Fault("MLflow answers 500 for a while", mlflow("middle", "end", "500"), mlflow=True),
    Fault("MLflow answers 500 to the end", mlflow("middle", None, "500"), mlflow=True),
    Fault("MLflow slow", mlflow("start", None, "slow"), mlflow=True),
    Fault("MLflow silent", mlflow("middle", None, "freeze"), mlflow=True),
    Fault("SQLite locked by another program", sqlite_locked),
    Fault("SQLite locked for longer than is waited for", sqlite_locked_for_long),
    Fault("PostgreSQL restarted", postgres_restarted, postgres=True),
    Fault("network to PostgreSQL cut for seconds", network_cut, postgres=True),
    Fault("network to PostgreSQL cut for a minute", network_cut_for_a_minute, postgres=True),
    Fault("network to PostgreSQL frozen for seconds", network_frozen, postgres=True),
    Fault("network to PostgreSQL cut for good", network_cut_for_good, postgres=True),
    Fault("replies of PostgreSQL lost", replies_lost, postgres=True),
    Fault("no space for the cache", disk_full(4, 8)),
    Fault("no space for the store's tables", disk_full(24, 150)),
    Fault("no space for trials", disk_full(280, 420)),
    Fault("no space for MLflow's store", mlflow_disk_full),
    Fault("no space for champion and artifacts", champion_disk_full),
]
