"""Ray in tests: where it is skipped, and how it is kept quiet and closed to the network."""

import importlib.util
import uuid

import pytest

MARKS = [
    pytest.mark.cluster,
    pytest.mark.xdist_group("ray"),
    pytest.mark.skipif(
        importlib.util.find_spec("ray") is None,
        reason="needs Ray: pip install 'rnnsearch[cluster]'",
    ),
]

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
