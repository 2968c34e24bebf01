"""Who trains? Processes that take tasks and answer with epochs.

- `local`: processes of this machine
- `ray_cluster`, `ray_actors`: a Ray cluster, and training in its actors
- `watching`: who is idle, and who must be hung, for all of them
"""
