"""A Ray cluster as it stands: joined or started, its nodes, and what of a study has room where."""

import os
import socket
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import ray

from rnnsearch.config import StudyFile
from rnnsearch.errors import StudyFileError

NAMESPACE = "rnnsearch"
GPUS_PER_TRIAL = 0.25  # a single network of this size leaves a GPU idle
OBJECT_STORE_BYTES = 100_000_000  # of a Ray started here; Ray wants 75 MB at least
CONNECT_SECONDS = 10.0
LARGEST_PART = 4  # a table may fill a quarter of it


@dataclass(frozen=True)
class Demand:
    """What one worker asks for."""

    cpus: float
    gpus: float
    device: str  # as the worker sees it, to whom Ray shows its own cards only

    @property
    def workers_per_device(self) -> int:
        return int(1 / self.gpus + 1e-9) if self.gpus else 1

    def __str__(self) -> str:
        return f"{_amount(self.cpus, 'CPU')} and {_amount(self.gpus, 'GPU')}"


@dataclass(frozen=True)
class Node:
    """A machine of the cluster that is alive."""

    name: str
    cpus: float
    gpus: float

    def room(self, demand: Demand) -> int:
        """How many workers it could hold if it did nothing else."""
        by_cpu = self.cpus / demand.cpus
        by_gpu = self.gpus / demand.gpus if demand.gpus else by_cpu
        return int(min(by_cpu, by_gpu) + 1e-9)


def join(address: str | None, table_bytes: int) -> bool:
    """Join the cluster, or start one on this machine; whether this call did so.

    Raises StudyFileError where no cluster answers.
    """
    if ray.is_initialized():
        return False
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    # Ray prints what befalls nodes and actors to stdout; the driver says it in its own words.
    ray._private.worker._worker_logs_enabled = False
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    if address is None:
        options["include_dashboard"] = False
        options["object_store_memory"] = max(OBJECT_STORE_BYTES, LARGEST_PART * table_bytes)
    try:
        if address is not None:
            _knock(address)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what they say is in the error, too
            ray.init(address or "local", namespace=NAMESPACE, **options)
    except Exception as error:  # whatever Ray raises
        line = (str(error).strip().splitlines() or [repr(error)])[0]
        raise StudyFileError(
            f"[run] ray_address: {address or 'this machine'} has no Ray that can be used: {line}; "
            "start one with `ray start --head` and see that its port is open to this machine and "
            "its token is known here, or leave ray_address out to use this machine alone"
        ) from None
    return True


def _knock(address: str) -> None:
    """Raise OSError where nobody listens: Ray itself would try for many minutes."""
    place = address.removeprefix("ray://")
    if place == address:  # "auto" may mean another one
        place = str(ray._private.services.canonicalize_bootstrap_address(address))
    host, _, port = place.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_SECONDS).close()
    except OSError as error:
        raise ConnectionError(f"{place}: {error.strerror or error}") from None


@contextmanager
def joined(address: str | None, table_bytes: int) -> Iterator[None]:
    """Join a cluster for a while."""
    ours = join(address, table_bytes)
    try:
        yield
    finally:
        if ours:
            ray.shutdown()


def free() -> str:
    """What nobody uses now, of the whole cluster."""
    resources = ray.available_resources()
    return f"{_amount(resources.get('CPU', 0), 'CPU')}, {_amount(resources.get('GPU', 0), 'GPU')}"


def nodes() -> list[Node]:
    """The nodes that are alive, by name."""
    alive = [node for node in ray.nodes() if node["Alive"]]
    return sorted(
        (
            Node(
                name=node_name(node["NodeManagerAddress"], node["NodeID"]),
                cpus=node["Resources"].get("CPU", 0.0),
                gpus=node["Resources"].get("GPU", 0.0),
            )
            for node in alive
        ),
        key=lambda node: node.name,
    )


def this_node() -> str:
    """The name of the node this actor runs on."""
    return node_name(ray.util.get_node_ip_address(), ray.get_runtime_context().get_node_id())


def node_name(address: str, node_id: str) -> str:
    return f"{address} {node_id[:6]}"


def demand_of(study: StudyFile, cluster: list[Node]) -> Demand:
    """What a worker of this study asks for. Raises StudyFileError for a device Ray cannot give."""
    run = study.run
    if run.device not in ("auto", "cpu", "cuda"):
        raise StudyFileError(
            f'[run] device: with engine = "ray" Ray chooses the card, got {run.device!r}; '
            'use "cuda", "cpu" or "auto"'
        )
    gpus = run.gpus_per_trial
    if gpus is None:
        wanted = run.device == "cuda" or (run.device == "auto" and any(n.gpus for n in cluster))
        gpus = GPUS_PER_TRIAL if wanted else 0.0
    if gpus and run.device == "cpu":
        raise StudyFileError(
            f'[run] gpus_per_trial: {gpus:g} of a GPU would lie idle with device = "cpu"; '
            'set it to 0, or device to "cuda"'
        )
    if not gpus and run.device == "cuda":
        raise StudyFileError(
            '[run] gpus_per_trial: 0 leaves no GPU for device = "cuda"; give a share such as 0.25, '
            'or set device to "cpu"'
        )
    return Demand(run.cpus_per_trial, gpus, "cuda" if gpus else "cpu")


def require_room(demand: Demand, cluster: list[Node]) -> None:
    """Raises StudyFileError where no node, now or later, can hold a single worker."""
    if any(node.room(demand) for node in cluster) or _may_grow(demand):
        return
    cpus = max((node.cpus for node in cluster), default=0.0)
    gpus = max((node.gpus for node in cluster), default=0.0)
    if demand.gpus > gpus:
        raise StudyFileError(
            f"[run] gpus_per_trial: every worker asks for {demand.gpus:g} of a GPU, but no node of "
            'the Ray cluster has one; start a node with a GPU, or set device = "cpu"'
        )
    if demand.cpus > cpus:
        raise StudyFileError(
            f"[run] cpus_per_trial: every worker asks for {_amount(demand.cpus, 'CPU')}, but the "
            f"largest node of the Ray cluster has {cpus:g}; ask for less, or start a larger node"
        )
    raise StudyFileError(
        f"[run] gpus_per_trial: every worker asks for {demand}, but no node of the Ray cluster has "
        "both; lower cpus_per_trial, or start a node that has both"
    )


def _may_grow(demand: Demand) -> bool:
    """Whether an autoscaler says that it could start what a worker asks for."""
    if ray.util.client.ray.is_connected():
        return False
    limits = ray._private.state.state.get_max_resources_from_cluster_config() or {}
    return bool(limits.get("CPU", 0) >= demand.cpus and limits.get("GPU", 0) >= demand.gpus)


def _amount(number: float, unit: str) -> str:
    return f"{number:g} {unit}" if number else f"no {unit}"
