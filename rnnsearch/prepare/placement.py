"""Where a search would train, told before anything is started."""

from dataclasses import dataclass

import pandas as pd

from rnnsearch.config import StudyFile
from rnnsearch.search.engines.local import plan_workers
from rnnsearch.search.problem import Problem
from rnnsearch.search.searching import ray_installed
from rnnsearch.search.store.databases import storage_url
from rnnsearch.search.store.records import tracking_uri
from rnnsearch.tracking import shown_uri


@dataclass(frozen=True)
class Placement:
    """facts: a line each; nodes: the machines of a cluster, none for this machine alone."""

    facts: list[str]
    nodes: pd.DataFrame | None = None


def placement(study: StudyFile) -> Placement:
    """What `search` would start where.

    Raises StudyFileError for what can never be placed, and DataError as `search` would.
    """
    problem = Problem.load(study)
    stores = [
        f"study {study.name} in {shown_uri(storage_url(study))}",
        f"MLflow: {shown_uri(tracking_uri(study))}",
    ]
    if study.run.engine == "ray":
        return _on_ray(problem, stores)
    device, count, _ = plan_workers(study.run.device, study.run.workers)
    return Placement([*stores, f"{count} workers on this machine, device {device}"])


def _on_ray(problem: Problem, stores: list[str]) -> Placement:
    with ray_installed():
        from rnnsearch.search.engines import ray_cluster
        from rnnsearch.search.engines.ray_actors import most_workers
    study, table_bytes = problem.study, problem.table.values.nbytes
    with ray_cluster.joined(study.run.ray_address, table_bytes):
        nodes = ray_cluster.nodes()
        demand = ray_cluster.demand_of(study, nodes)
        ray_cluster.require_room(demand, nodes)
        free = ray_cluster.free()
    frame = pd.DataFrame(
        [
            {
                "node": node.name,
                "CPUs": f"{node.cpus:g}",
                "GPUs": f"{node.gpus:g}",
                "room for": node.room(demand),
            }
            for node in nodes
        ]
    )
    room = int(frame["room for"].sum())
    wanted = most_workers(study) or max(room, 1)
    where = study.run.ray_address or "started on this machine for this search"
    facts = [
        *stores,
        f"Ray: {where}; free now: {free}",
        f"{wanted} workers, device {demand.device}, each with {demand}",
        f"input table: {table_bytes / 1e6:.1f} MB, once per node",
    ]
    if wanted > room:
        facts.append(
            f"there is room for {room} of them; {wanted - room} wait for the cluster to grow"
        )
    return Placement(facts, frame)
