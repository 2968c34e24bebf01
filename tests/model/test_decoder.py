"""Decoders: against an obvious loop, and what they are fed on."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
import torch
from torch import Tensor, nn

from rnnsearch.config import StudyFile, load_study
from rnnsearch.errors import StudyFileError
from rnnsearch.model.fold import FoldTensors, TrainingSettings
from rnnsearch.model.networks.attention import Attention
from rnnsearch.model.networks.decoder import Decoder
from rnnsearch.model.networks.network import CELLS, build_network, heads
from rnnsearch.model.training import Trainer, forced
from rnnsearch.search.problem import Problem
from rnnsearch.search.space.suggesting import suggest
from rnnsearch.search.trial.parameters import TrialParameters
from tests.helpers.evaluated import fitted
from tests.helpers.searches import write_study

CPU = torch.device("cpu")
STEPS, ROWS, WINDOW, INPUTS = 4, 5, 6, 3

SETTINGS = TrainingSettings(
    cell="gru",
    neurons=(4,),
    dropout=0.0,
    window=WINDOW,
    epochs=3,
    batch_size=16,
    learning_rate=3e-3,
    optimizer="adam",
    weight_decay=0.0,
    averaging=False,
    clip=1.0,
    seed=2,
    targets=STEPS,
    steps=STEPS,
    head="decoder",
    teacher_forcing=0.5,
)


def decoder(cell: str, neurons: tuple[int, ...] = (4, 3), **settings: Any) -> Decoder:
    network = build_network(
        cell, INPUTS, neurons, 0.0, seed=3, device=CPU, outputs=STEPS, head="decoder", **settings
    )
    assert isinstance(network, Decoder)
    return network


def one_session(kind: str, layer: nn.Module, suffix: str, x: Any, state: Any) -> Any:
    """The cell's equations, neuron by neuron, in Python's own numbers; state: (h, c) or (h,)."""
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    w, u, b, b_hidden = (getattr(layer, name + suffix).tolist() for name in names)
    h = state[0]
    neurons = len(h)

    def logistic(value: float) -> float:
        return 1 / (1 + math.exp(-value))

    def of_input(row: int) -> float:
        return sum(weight * one for weight, one in zip(w[row], x, strict=True)) + b[row]

    def of_state(row: int) -> float:
        return sum(weight * one for weight, one in zip(u[row], h, strict=True)) + b_hidden[row]

    after, memory = [], []
    for n in range(neurons):
        gates = [of_input(g * neurons + n) for g in range(len(w) // neurons)]
        hidden = [of_state(g * neurons + n) for g in range(len(w) // neurons)]
        if kind == "rnn":
            after.append(math.tanh(gates[0] + hidden[0]))
        elif kind == "gru":
            r, z = (logistic(gates[g] + hidden[g]) for g in (0, 1))
            new = math.tanh(gates[2] + r * hidden[2])
            after.append((1 - z) * new + z * h[n])
        else:
            i, f, o = (logistic(gates[g] + hidden[g]) for g in (0, 1, 3))
            memory.append(f * state[1][n] + i * math.tanh(gates[2] + hidden[2]))
            after.append(o * math.tanh(memory[-1]))
    return (after, memory) if kind == "lstm" else (after,)


def obvious(network: Decoder, cell: str, x: Tensor, fed_on: Any = None) -> list[float]:
    """What a decoder of one layer says of one window (w, F); `fed_on`: what came, step by step."""
    kind, two = cell.removeprefix("bi"), cell.startswith("bi")
    (layer,), (stepping,) = network.layers, network.cells
    sessions, neurons = x.tolist(), stepping.hidden_size
    parts = 2 if kind == "lstm" else 1
    ends = []
    for suffix, order in (("_l0", sessions), ("_l0_reverse", sessions[::-1]))[: 1 + two]:
        state: Any = tuple([0.0] * neurons for _ in range(parts))
        for session in order:
            state = one_session(kind, layer, suffix, session, state)
        ends.append(state)
    state = ends[0]
    if two:
        state = []
        for part, bridge in enumerate(network.bridges[0]):  # type: ignore[arg-type]
            both = [*ends[0][part], *ends[1][part]]
            rows = zip(bridge.weight.tolist(), bridge.bias.tolist(), strict=True)
            state.append([sum(np.multiply(row, both)) + bias for row, bias in rows])
    weights, bias = network.head.weight.tolist()[0], network.head.bias.item()
    said: list[float] = []
    fed = 0.0
    for step in range(STEPS):
        state = one_session(kind, stepping, "", [fed], state)
        said.append(sum(np.multiply(weights, state[0])) + bias)
        fed = said[-1] if fed_on is None else fed_on[step]
    return said


@pytest.mark.parametrize("cell", CELLS)
def test_a_decoder_equals_an_obvious_loop(cell: str) -> None:
    network = decoder(cell, (4,)).eval()
    x = torch.randn(ROWS, WINDOW, INPUTS, generator=torch.Generator().manual_seed(1))
    said = network(x)
    assert said.shape == (ROWS, STEPS)
    for row in range(ROWS):
        np.testing.assert_allclose(said[row].tolist(), obvious(network, cell, x[row]), atol=2e-6)


@pytest.mark.parametrize("cell", ["lstm", "bigru"])
def test_with_all_forcing_each_step_is_fed_what_came_and_with_none_what_was_said(
    cell: str,
) -> None:
    network = decoder(cell, (4,)).train()
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(ROWS, WINDOW, INPUTS, generator=generator)
    came = torch.randn(ROWS, STEPS, generator=generator)
    network.forcing = 1.0
    taught = network.learning(x, came)
    for row in range(ROWS):
        expected = obvious(network, cell, x[row], came[row].tolist())
        np.testing.assert_allclose(taught[row].tolist(), expected, atol=2e-6)
    network.forcing = 0.0
    assert torch.equal(network.learning(x, came), network(x))


@pytest.mark.parametrize("cell", ["rnn", "lstm", "bigru"])
def test_attention_looks_back_at_the_window_before_each_step(cell: str) -> None:
    network = build_network(
        cell, INPUTS, (4,), 0.0, seed=3, device=CPU, outputs=STEPS, head="attention"
    )
    assert isinstance(network, Attention)
    x = torch.randn(ROWS, WINDOW, INPUTS, generator=torch.Generator().manual_seed(1))
    outputs, ends = network.eval().encode(x)
    (state,) = network._begin(ends)
    for row, said in enumerate(network(x).tolist()):
        seen = outputs[row].tolist()
        one: Any = [part[row].tolist() for part in state]
        fed = 0.0
        for step in range(STEPS):
            one = one_session(cell.removeprefix("bi"), network.cells[0], "", [fed], one)
            query = mapped(network.query, [*one[0], *waves(step)])
            scores = [
                np.dot(query, mapped(network.key, [*h, *waves(WINDOW - 1 - session)])) / 2
                for session, h in enumerate(seen)
            ]
            shares = np.exp(scores) / np.exp(scores).sum()
            (fed,) = mapped(network.head, [*one[0], *(shares @ seen), fed])
            assert fed == pytest.approx(said[step], abs=2e-6)


def mapped(layer: nn.Linear, values: list[float]) -> list[float]:
    told: list[float] = (np.array(layer.weight.tolist()) @ values + layer.bias.tolist()).tolist()
    return told


def waves(place: int) -> list[float]:
    angles = [place * 2 * math.pi / (4 * 100 ** (n / 7)) for n in range(8)]
    return [math.sin(angle) for angle in angles] + [math.cos(angle) for angle in angles]


def test_a_step_s_attention_is_shares_of_the_window() -> None:
    network = build_network(
        "gru", INPUTS, (4,), 0.0, seed=3, device=CPU, outputs=STEPS, head="attention"
    )
    assert isinstance(network, Attention)
    outputs = torch.randn(ROWS, WINDOW, 4)
    shares = network.weights(torch.randn(ROWS, 4), 2, outputs)
    assert shares.shape == (ROWS, WINDOW)
    assert bool((shares > 0).all())
    torch.testing.assert_close(shares.sum(dim=1), torch.ones(ROWS))


def test_half_forcing_feeds_about_half_of_the_rows_what_came() -> None:
    network = decoder("gru", (4,)).train()
    x = torch.zeros(400, WINDOW, INPUTS)
    came = torch.full((400, STEPS), 50.0)
    network.forcing = 0.5
    torch.manual_seed(4)
    second = network.learning(x, came)[:, 1]
    own = network(x)[0, 1]
    share = float((second - own).abs().gt(1e-3).float().mean())
    assert 0.4 < share < 0.6


def test_a_decoder_that_forecasts_chances_is_fed_chances() -> None:
    plain, chances = decoder("rnn", (4,)), decoder("rnn", (4,), chances=True)
    plain.eval(), chances.eval()
    x = torch.randn(2, WINDOW, INPUTS, generator=torch.Generator().manual_seed(1))
    first = chances(x)[:, 0]
    assert torch.equal(first, plain(x)[:, 0])
    for row in range(2):
        fed = torch.sigmoid(chances(x)[row]).tolist()
        expected = obvious(plain, "rnn", x[row], fed)
        np.testing.assert_allclose(chances(x)[row].tolist(), expected, atol=2e-6)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(("neurons", "dropout"), [((4, 4), 0.0), ((4, 3), 0.2)])
def test_each_layer_of_a_decoder_begins_where_its_encoder_s_layer_ends(
    cell: str, neurons: tuple[int, ...], dropout: float
) -> None:
    network = build_network(
        cell, INPUTS, neurons, dropout, seed=3, device=CPU, outputs=STEPS, head="decoder"
    )
    assert isinstance(network, Decoder)
    x = torch.randn(ROWS, WINDOW, INPUTS)
    outputs, ends = network.eval().encode(x)
    states = network._begin(ends)
    assert [tuple(part.shape) for state in states for part in state] == [
        (ROWS, size) for size in neurons for _ in range(2 if "lstm" in cell else 1)
    ]
    if not cell.startswith("bi"):
        _, state = network.layers[0](x)
        first = state[0] if isinstance(state, tuple) else state
        assert torch.equal(states[0][0], first[0])
        assert torch.equal(states[-1][0], outputs[:, -1])
    loss = network.train()(x).square().sum()
    loss.backward()
    used = {name for name, p in network.named_parameters() if p.grad is not None}
    assert used == {name for name, _ in network.named_parameters()}


def test_forcing_falls_along_a_line_to_none_in_the_last_epoch() -> None:
    settings = replace(SETTINGS, epochs=5, teacher_forcing=0.8)
    shares = [forced(settings, epoch) for epoch in range(1, 6)]
    assert shares == pytest.approx([0.8, 0.6, 0.4, 0.2, 0.0])
    assert forced(replace(settings, epochs=1), 1) == 0.0


def fold() -> tuple[Tensor, FoldTensors]:
    generator = torch.Generator().manual_seed(1)
    table = torch.randn(120, INPUTS, generator=generator)
    ends = torch.arange(WINDOW, 110)
    targets = torch.randn(len(ends), STEPS, generator=generator)
    ones, none = torch.ones(INPUTS), torch.zeros(INPUTS)
    return table, FoldTensors(ones, none, ends[:80], targets[:80], ends[80:], targets[80:])


@pytest.mark.parametrize("head", ["decoder", "attention"])
def test_a_decoder_trains_repeats_and_is_fed_its_own_steps_at_validation(head: str) -> None:
    table, one = fold()
    settings = replace(SETTINGS, head=head)
    first, second = (list(Trainer(table, [one], settings, loss="mse").run()) for _ in range(2))
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a.forecasts[0], b.forecasts[0])
    trainer = Trainer(table, [one], settings, loss="mse")
    *_, last = trainer.run()
    (network,) = trainer.networks
    assert last.forecasts[0].shape == (24, STEPS)
    x = torch.stack([table[end - WINDOW + 1 : end + 1] for end in one.validation_ends])
    np.testing.assert_allclose(network.eval()(x).detach(), last.forecasts[0], atol=1e-6)
    free = list(Trainer(table, [one], replace(settings, teacher_forcing=0.0), loss="mse").run())
    assert not np.array_equal(free[0].forecasts[0], first[0].forecasts[0])


def test_the_loss_of_a_path_is_the_mean_over_rows_and_steps() -> None:
    table, one = fold()
    settings = replace(SETTINGS, head="direct", teacher_forcing=0.0)
    result = next(iter(Trainer(table, [one], settings, loss="mse").run()))
    squared = (result.forecasts[0] - one.validation_targets.numpy()) ** 2
    assert result.validation_loss[0] == pytest.approx(squared.mean(), rel=1e-5)


@pytest.mark.parametrize("head", ["decoder", "attention"])
def test_a_champion_s_decoder_is_the_same_from_disk(home: Path, tmp_path: Path, head: str) -> None:
    study = load_study(write_study(tmp_path, data={"steps": 3}, space={"head": head}))
    problem = Problem.load(study)
    chosen = {"head": head, "teacher_forcing": 0.5, "cell": "bilstm"}
    _, forecaster = fitted(problem, seeds=1, **chosen)
    assert forecaster is not None
    forecaster.save(tmp_path / "champion")
    loaded = type(forecaster).load(tmp_path / "champion")
    assert type(loaded.networks[0]) is heads()[head]
    rows = np.arange(100, 120)
    np.testing.assert_array_equal(
        *(one.forecast_rows(problem.prices, problem.table, rows) for one in (forecaster, loaded))
    )


def drawn(study: StudyFile) -> tuple[TrialParameters, optuna.Trial]:
    trial = optuna.create_study().ask()
    return suggest(trial, study, Problem.load(study).candidates), trial


def test_only_decoders_have_teacher_forcing(home: Path, tmp_path: Path) -> None:
    heads = ["direct", "decoder", "attention"]
    both = {"head": heads, "teacher_forcing": {"low": 0.2, "high": 0.9}}
    study = load_study(write_study(tmp_path, data={"steps": 3}, space=both))
    seen = {}
    for _ in range(20):
        parameters, trial = drawn(study)
        seen[parameters.head] = parameters
        assert {"head", "teacher_forcing"} <= set(trial.params)
    assert seen["direct"].teacher_forcing == 0.0
    for head in heads[1:]:
        assert 0.2 <= seen[head].teacher_forcing <= 0.9
    assert seen["direct"].plain()["head"] == "direct"
    one = load_study(write_study(tmp_path, "one"))
    parameters, trial = drawn(one)
    assert not {"head", "teacher_forcing"} & set(trial.params)
    assert not {"head", "teacher_forcing", "steps"} & set(parameters.plain())


def test_a_decoder_without_a_path_and_of_a_cell_that_is_not_ours_are_refused(
    tmp_path: Path,
) -> None:
    for head in ("decoder", "attention"):
        with pytest.raises(StudyFileError, match=r'write head = "direct", or steps = 5'):
            load_study(write_study(tmp_path, space={"head": ["direct", head]}))
    (tmp_path / "my_cells.py").write_text("class Mine: ...")
    space = {"head": "decoder", "cell": ["gru", "my_cells.py:Mine"]}
    with pytest.raises(StudyFileError, match="or leave that cell out"):
        load_study(write_study(tmp_path, data={"steps": 3}, space=space))
