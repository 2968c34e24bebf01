"""Who trains? Engines: each starts workers that take tasks and answer with epochs.

by_name("local")        the engine that a study file names
start(problem, notice)  workers of the study's engine
Engine                  what one is; add one by a file here and a line in `config.engines.OURS`, or
                        in a package of yours by an entry point of the group `rnnsearch.engines`
Placement               where an engine would train
setup_here(problem, ..) what workers of this machine are told, once their kernels are made

- `local`: processes of this machine
- `loaded`: what those processes share
- `inline`: this process, one trial at a time
- `on_ray`: a Ray cluster; `ray_cluster`, `ray_actors`: what it has room for, training in its actors
- `watching`: who is idle, and who must be hung, for all of them
- `machine`: how many workers there is room for here; `kernels`: compiled before they start
"""

from rnnsearch.search.engines.base import Engine, Placement
from rnnsearch.search.engines.machine import Notice, setup_here
from rnnsearch.search.engines.registry import by_name, start

__all__ = ["Engine", "Notice", "Placement", "by_name", "setup_here", "start"]
