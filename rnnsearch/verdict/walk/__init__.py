"""The locked test walked through: champion and baselines fitted anew every so many sessions.

- `plan`: which rows each refit learns from, and which it forecasts
- `rows`: what came true there, and what doing nothing said
- `fitting`: all refits, on all workers
- `kept`: what is done of them, so that a walk that was killed goes on
- `walking`: its cost, its opening, and what comes out

What a refit learns from was known at the first origin that it forecasts from, by the same purge as
the one fit before the test. So with expanding rows the first block is the one fit's.
"""

from rnnsearch.verdict.walk.plan import Plan, asked, planned
from rnnsearch.verdict.walk.walking import Begun, Walk, begun, end, prepared

__all__ = ["Begun", "Plan", "Walk", "asked", "begun", "end", "planned", "prepared"]
