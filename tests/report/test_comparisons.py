"""Cells, shifts and other choices beside each other: the right trials, and a word where few."""

import plotly.graph_objects as go
import pytest
from optuna.trial import TrialState, create_trial

from rnnsearch.report.comparisons import Comparison, comparisons
from rnnsearch.report.figures import search as search_figures
from rnnsearch.report.figures.content import of_comparisons
from rnnsearch.report.figures.images import as_svg, plots
from rnnsearch.search.store.records import title
from rnnsearch.search.store.view import TrialView
from rnnsearch.terminal.compared import comparison_parts

FAR_OFF = -40.0


def trial(
    gain: float | None,
    cell: str = "gru",
    shift: int | dict[str, int] = 0,
    state: TrialState = TrialState.COMPLETE,
    number: int = 0,
    duplicate_of: int | None = None,
    **others: object,
) -> TrialView:
    plain = {"cell": cell, "neurons": [8, 8], "window": 5, "input_shift": shift, "output_shift": 1}
    attrs: dict[str, object] = {"parameters": plain | others}
    if duplicate_of is not None:
        attrs["duplicate_of"] = duplicate_of
    frozen = create_trial(state=state, value=gain, user_attrs=attrs)
    frozen.number = number
    return TrialView(frozen)


def by(every: list[Comparison], parameter: str) -> Comparison:
    return next(one for one in every if one.parameter == parameter)


def test_a_cell_is_told_by_its_trials_best_median_and_spread() -> None:
    gains = [0.01, 0.05, 0.03, 0.02, 0.04]
    every = comparisons(
        [
            *(trial(gain, number=number) for number, gain in enumerate(gains)),
            trial(None, state=TrialState.PRUNED, number=5),
            trial(None, state=TrialState.FAIL, number=6),
            trial(0.09, number=7, duplicate_of=1),
            trial(0.02, "lstm", number=8),
            trial(None, "lstm", state=TrialState.RUNNING, number=9),
        ]
    )
    gru, lstm = by(every, "cell").groups
    assert (gru.trials, gru.complete, gru.pruned, gru.failed) == (7, 5, 1, 1)
    assert (gru.best, gru.best_trial) == (0.05, 1), "a duplicate counts once"
    assert gru.median == pytest.approx(0.03)
    assert gru.spread == pytest.approx(0.02)
    assert (lstm.trials, lstm.spread) == (1, 0.0)
    assert by(every, "cell").note == (
        "thin, fewer than 10 complete trials (gru: 5, lstm: 1), so it may be luck"
    )


def test_ten_complete_trials_of_each_value_are_not_called_thin() -> None:
    many = [trial(0.01 * number, cell) for number in range(10) for cell in ("gru", "lstm")]
    assert by(comparisons(many), "cell").note == ""


def test_shifts_are_compared_for_all_inputs_or_per_family_and_constants_are_not() -> None:
    every = comparisons([trial(0.01, shift=3), trial(0.02, shift=11), trial(0.03, shift=2)])
    assert [(one.parameter, one.family) for one in every] == [("input_shift", None)]
    assert [group.value for group in every[0].groups] == [2, 3, 11], "by size, not by spelling"
    families = comparisons(
        [trial(0.01, shift={"trend": 1, "volume": 0}), trial(0.02, shift={"trend": 2})]
    )
    assert [one.title for one in families] == ["input shift of trend"]


def test_words_and_few_numbers_are_compared_and_a_scale_is_not() -> None:
    every = comparisons(
        [
            trial(0.01, batch_size=batch, epochs=number // 2, averaging=number > 3)
            for number, batch in enumerate([64, 128] * 6)
        ]
    )
    assert [(one.parameter, one.by_kind) for one in every] == [
        ("averaging", True),
        ("batch_size", False),
    ]
    assert [group.name for group in by(every, "averaging").groups] == ["false", "true"]


def test_a_value_whose_trials_were_all_pruned_is_still_told() -> None:
    trials = [trial(0.01), trial(None, "lstm", state=TrialState.PRUNED)]
    every = comparisons(trials)
    assert by(every, "cell").groups[1].median is None
    drawn = [*of_comparisons(every)]
    assert [content.name for content in drawn] == ["compared_cell"]
    assert isinstance(search_figures.draw(drawn[0]), go.Figure)
    assert "lstm (0)" in as_svg(plots(drawn)["compared_cell"])


def test_one_wild_trial_does_not_flatten_a_comparison() -> None:
    trials = [trial(0.001 * number, cell) for number in range(9) for cell in ("gru", "lstm")]
    (content,) = of_comparisons(comparisons([*trials, trial(FAR_OFF)]))
    assert content.range is not None
    assert content.range[0] > -0.1
    assert "By cell" in as_svg(plots([content])["compared_cell"])


def test_the_terminal_names_what_it_has_no_room_for() -> None:
    every = comparisons([trial(0.01, batch_size=64), trial(0.02, "lstm", batch_size=128)] * 3)
    _, note, others = comparison_parts(every)
    assert str(note).startswith("cell: thin, fewer")
    assert others == "also compared, on the page and in --json: batch size"


def test_a_title_tells_the_input_shift_also_where_families_differ() -> None:
    assert title(trial(0.0, "bilstm", 3).plain) == "bi-lstm 2×8 w5 s3 h1"
    assert title(trial(0.0, shift={"trend": 0, "volume": 3}).plain) == "gru 2×8 w5 s0-3 h1"
    assert title(trial(0.0, shift={"trend": 2, "volume": 2}).plain) == "gru 2×8 w5 s2 h1"
