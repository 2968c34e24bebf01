"""The cluster that all tests of Ray share."""

import os
import sys
from collections.abc import Iterator
from contextlib import closing

import pytest

from rnnsearch.config import load_study
from rnnsearch.search.problem import Problem
from tests.helpers.rays import HEAD, NODE, Small, protect
from tests.helpers.searches import until
from tests.model.test_cells import install


@pytest.fixture(scope="package")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Small]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RNNSEARCH_HOME", str(tmp_path_factory.mktemp("ray")))
        site = install(tmp_path_factory.mktemp("site"))  # on every node
        patch.syspath_prepend(str(site))
        patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, sys.path)))
        protect(patch)
        from ray.cluster_utils import Cluster

        from rnnsearch.search.engines.ray_actors import RayWorkers

        cluster = Cluster(initialize_head=True, head_node_args=NODE | HEAD)
        small = Small(cluster, None, [])  # type: ignore[arg-type]
        path = small.write_study(tmp_path_factory.mktemp("pool"), run={"max_workers": 1})
        with closing(RayWorkers(Problem.load(load_study(path)), print)) as small.pool:
            until(small.pool, object)
            small.others = [cluster.add_node(**NODE) for _ in range(2)]
            yield small
        for node in (*cluster.worker_nodes, cluster.head_node):
            cluster.remove_node(node, allow_graceful=False)
        cluster.shutdown()
