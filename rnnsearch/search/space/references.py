"""Plain trials to try before sampling: what a search finds must beat these to be worth its time."""

from collections.abc import Sequence
from typing import Any

from rnnsearch.config import StudyFile, extremes
from rnnsearch.data.inputs.build import InputTable
from rnnsearch.search.inputs.candidates import Candidates
from rnnsearch.search.inputs.ranking import InputEvidence
from rnnsearch.search.space.suggesting import most_inputs, nearest, shifted_families


def references(study: StudyFile, candidates: Candidates) -> dict[str, dict[str, Any]]:
    """The trials by name: values for the suggested parameters, all within the study's space.

    Their network is made of each `Drawn.reference`, or of what lies nearest in its dimension.

    The close alone, all inputs and the best ranked ones: those `found`, which tell more than chance
    would, or else ten. The found ones also over the sessions in which they act and no others: on
    planted files a network with that window reaches more of what can be known, in a third of the
    epochs (tests/bench/LOG.md, section 6).
    """
    table, found = candidates.table, candidates.found
    base = _base(study, table)
    match study.inputs.search:
        case "each":
            switches = [f"input.{name}" for name in candidates.names]
        case "families" | "ranked":
            switches = [f"family.{family}" for family in candidates.families]
        case "all":
            switches = []
    if not switches:
        return {"reference": base}
    on, off = dict.fromkeys(switches, True), dict.fromkeys(switches, False)
    if study.inputs.search != "ranked":
        return {"close only": base | off, "all inputs": base | on}
    most = most_inputs(study, candidates)
    plain = {"close only": base | off | {"input_count": 1}}
    if most:
        plain["all inputs"] = base | on | {"input_count": most}
    best = min(len(found) or 10, most)
    subset = on | {"input_count": best}
    inputs = f"the {best} inputs" if best > 1 else "the input"
    if best < most:
        plain[f"{inputs} found" if found else f"the {best} best inputs"] = base | subset
    if found and most:
        sessions = _sessions(study, table, found[:best])
        plain[f"{inputs} found, where they act"] = base | subset | sessions
    return plain


def _base(study: StudyFile, table: InputTable) -> dict[str, Any]:
    space = study.space
    base = {
        name: nearest(getattr(space, name), parameter.reference)
        for name, parameter in space.drawn.items()
    }
    if space.neurons_per == "layer":
        units = base.pop("neurons")
        base |= {f"neurons_{i + 1}": units for i in range(max(extremes(space.layers)))}
    if space.input_shift_per == "family":
        shift = base.pop("input_shift")
        base |= {f"input_shift.{family}": shift for family in shifted_families(table)}
    return base


def _sessions(
    study: StudyFile, table: InputTable, found: Sequence[InputEvidence]
) -> dict[str, Any]:
    """Window and input shifts that show these inputs where they act, and as little else as can be.

    With output shift 1, a window of w sessions and input shift s show lags 1 + s to s + w; of an
    input that is known ahead, lags 0 to w - 1.
    """
    space = study.space
    lags: dict[str, list[int]] = {}  # by the parameter that shifts them
    longest = 1
    for finding in found:
        family = table.specs[finding.column].family
        if table.specs[finding.column].ahead:
            longest = max(longest, *(lag + 1 for lag in finding.lags))
            continue
        name = f"input_shift.{family}" if space.input_shift_per == "family" else "input_shift"
        lags.setdefault(name, []).extend(finding.lags)
    shifts = {name: _at_most(space.input_shift, min(each) - 1) for name, each in lags.items()}
    window = max([longest, *(max(each) - shifts[name] for name, each in lags.items())])
    return shifts | {"window": nearest(space.window, window)}


def _at_most(dimension: Any, wish: int) -> int:
    """A larger shift would hide the session that is wished for."""
    value: int = nearest(dimension, wish)
    return value if value <= wish else min(extremes(dimension))
