"""The engine of a Ray cluster. Ray is imported where it is used: it need not be installed."""

from typing import TYPE_CHECKING

from rnnsearch.search.engines.base import Engine, Placement
from rnnsearch.search.engines.local import LocalEngine
from rnnsearch.search.engines.machine import Notice
from rnnsearch.search.trial.protocol import Workers
from rnnsearch.shown import number_of

if TYPE_CHECKING:
    from rnnsearch.search.problem import Problem


class RayEngine(Engine):
    """As many workers as the cluster has room for, or as the study file says."""

    name = "ray"
    package = "ray"
    install = "pip install 'rnnsearch[cluster]'"
    shares = True

    def start(self, problem: "Problem", notice: Notice, most: int | None = None) -> Workers:
        from rnnsearch.search.engines.ray_actors import RayWorkers

        return RayWorkers(problem, notice, most)

    def placement(self, problem: "Problem") -> Placement:
        import pandas as pd

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
            f"Ray: {where}; free now: {free}",
            f"{number_of(wanted, 'worker')}, device {demand.device}, each with {demand}",
            f"input table: {table_bytes / 1e6:.1f} MB, once per node",
        ]
        if wanted > room:
            facts.append(
                f"there is room for {room} of them; {wanted - room} wait for the cluster to grow"
            )
        return Placement(facts, frame)

    def here(self) -> Engine:
        return LocalEngine()


ENGINE = RayEngine()
