"""What the commands do with a study of many series: the same, for each."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rnnsearch.many.family import Family
    from rnnsearch.search.driver.deadline import Deadline


def search_many(
    family: "Family",
    path: Path,
    *,
    trials: str | None,
    deadline: "Deadline",
    fork_of: str | None,
    quiet: bool,
) -> int:
    """Search all series; `path` of the study file."""
    from rnnsearch.many.family import study_name
    from rnnsearch.many.reading import notes, read_all
    from rnnsearch.many.searching import search_all
    from rnnsearch.many.status import status
    from rnnsearch.publish.page import publish_plots
    from rnnsearch.search.searching import Interrupted
    from rnnsearch.search.store.store import Store
    from rnnsearch.terminal.hints import after_search, to_go_on
    from rnnsearch.terminal.many import ManyViews, status_line, status_table
    from rnnsearch.terminal.tables import Terminal, note, output

    read = read_all(family, note, tried=True)
    for text in notes(read):
        note(text)
    again = f"`{to_go_on(path, deadline.text)}`"
    with ManyViews(
        Terminal(highlight=False), len(read.problems), quiet=quiet, deadline=deadline
    ) as views:
        try:
            search_all(
                family,
                read.problems,
                views,
                trials=trials,
                deadline=deadline,
                fork_of=lambda one: None if fork_of is None else study_name(fork_of, one.series),
            )
        except Interrupted as interrupted:
            views.notice(f"stopped; {again} goes on from here")
            return interrupted.exit_code
        if deadline.stopped:
            views.notice(f"stopped after {deadline.text}; {again} goes on from here")
    out = output()
    facts = status(family)
    out.print(status_line(facts), highlight=False, markup=False)
    out.print(status_table(facts))
    left = max(facts["target_trials"] - facts["finished"], 0)
    out.print(after_search(path, left), highlight=False, markup=False, soft_wrap=True)
    for member, problem in read.problems.items():
        publish_plots(problem, Store(member.study, create=False), notice=note)
    return 0


def show_status(family: "Family", *, as_json: bool) -> int:
    """A row per series."""
    from rnnsearch.many.status import status
    from rnnsearch.terminal.many import status_line, status_table
    from rnnsearch.terminal.tables import output

    facts = status(family)
    if as_json:
        print(json.dumps(facts))
        return 0
    out = output()
    out.print(status_line(facts), highlight=False, markup=False)
    out.print(status_table(facts))
    return 0
