"""Ray in tests: where it is skipped, and how it is kept quiet and closed to the network."""

import importlib.util
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.helpers.searches import write_study

if TYPE_CHECKING:
    from ray.cluster_utils import Cluster

    from rnnsearch.search.engines.ray_actors import RayWorkers

MARKS = [
    pytest.mark.cluster,
    pytest.mark.xdist_group("ray"),
    pytest.mark.skipif(
        importlib.util.find_spec("ray") is None,
        reason="needs Ray: pip install 'rnnsearch[cluster]'",
    ),
]

NODE = {"num_cpus": 1, "object_store_memory": 80 * 2**20}
# No fixed ports: where another Ray has the dashboard's, Ray tries it and leaves a socket open.
HEAD = {"include_dashboard": False, "dashboard_port": None, "dashboard_agent_listen_port": None}

TOKEN = uuid.uuid4().hex
"""Of every Ray that this process starts: Ray reads it once per process."""


def protect(patch: pytest.MonkeyPatch) -> None:
    """Before a Ray is started."""
    patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    patch.setenv("RAY_AUTH_MODE", "token")  # its ports are open to the network
    patch.setenv("RAY_AUTH_TOKEN", TOKEN)
    from ray._raylet import Config

    # A process that has seen a cluster of its own end would be ended by Ray a minute later.
    with pytest.MonkeyPatch.context() as here:
        here.setenv("RAY_gcs_rpc_server_reconnect_timeout_s", "1000000")
        Config.initialize("")  # an import before this one has read the environment


@dataclass
class Small:
    """A cluster whose head is taken by `pool`, one worker, and whose other nodes are free."""

    cluster: "Cluster"
    pool: "RayWorkers"
    others: list[Any]

    def write_study(self, folder: Path, **changes: dict[str, Any]) -> Path:
        return write_study(folder, **self.on_ray(changes))

    def on_ray(self, changes: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        run = {"engine": "ray", "ray_address": self.cluster.address, "workers": "auto"}
        return changes | {"run": run | changes.get("run", {})}
