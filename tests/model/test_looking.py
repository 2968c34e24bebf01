"""How far back networks look: gradients, what adds up to a forecast, gates, and why gates help."""

from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from rnnsearch.cells import Cell
from rnnsearch.model.looking import gradients, incompleteness, integrated_gradients
from rnnsearch.model.networks.gates import gates, singular_values
from rnnsearch.model.networks.network import CELLS, Network, build_network
from tests.helpers.remembering import FAR, WINDOW, trained

CPU = torch.device("cpu")


def a_network(cell, neurons=(5, 5), dropout=0.0, seed=1):
    network = build_network(cell, 3, neurons, dropout, seed=seed, device=CPU)
    with torch.no_grad():  # far from straight lines
        for weights in network.parameters():
            weights *= 2
    return network.eval()


def some_windows(count=7, w=6, seed=0):
    return torch.randn(count, w, 3, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("cell", CELLS)
def test_a_gradient_is_what_a_small_change_does(cell):
    network, x = a_network(cell).double(), some_windows(2).double()
    found = gradients(network, x)
    for session, place in ((0, 0), (3, 2), (5, 1)):
        up, down = x.clone(), x.clone()
        up[:, session, place] += 1e-5
        down[:, session, place] -= 1e-5
        with torch.no_grad():
            change = (network(up) - network(down)) / 2e-5
        torch.testing.assert_close(found[:, session, place], change, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("cell", CELLS)
def test_what_each_number_adds_sums_to_the_forecast_less_that_of_a_window_that_says_nothing(cell):
    network, x = a_network(cell), some_windows(40)
    start = torch.tensor([0.2, -0.1, 0.0])
    added = integrated_gradients(network, x, start)
    with torch.no_grad():
        wanted = network(x) - network(start.expand(1, 6, 3))
    torch.testing.assert_close(added.sum(dim=(1, 2)), wanted, rtol=0.02, atol=2e-3)
    assert incompleteness(network, x, start, added) < 0.01
    assert incompleteness(network, x, start, 0 * added) == pytest.approx(1)


def test_an_input_that_a_network_does_not_see_adds_nothing_and_equal_ones_add_alike():
    network = build_network("lstm", 3, (4,), 0.0, seed=2, device=CPU).eval()
    with torch.no_grad():
        weights = network.layers[0].weight_ih_l0
        weights[:, 0] = 0
        weights[:, 2] = weights[:, 1]
    x = some_windows(5)
    x[:, :, 2] = x[:, :, 1]
    added = integrated_gradients(network, x, torch.zeros(3))
    assert (added[:, :, 0] == 0).all()
    torch.testing.assert_close(added[:, :, 1], added[:, :, 2])


def test_a_straight_line_is_added_up_exactly():
    line = nn.Sequential(nn.Flatten(), nn.Linear(18, 1), nn.Flatten(0))
    x, start = some_windows(4), torch.ones(3)
    added = integrated_gradients(line, x, start, steps=1)
    by_hand = (x - start) * line[1].weight.view(6, 3)
    torch.testing.assert_close(added, by_hand)


@pytest.mark.parametrize("dropout", [0.0, 0.3])
@pytest.mark.parametrize("cell", CELLS)
def test_gates_are_those_of_the_network_itself(cell, dropout):
    network, x = a_network(cell, dropout=dropout), some_windows(1)
    found = gates(network, x)
    directions = 2 if cell.startswith("bi") else 1
    assert [(one.layer, one.backward) for one in found] == [
        (layer, bool(way)) for layer in (1, 2) for way in range(directions)
    ]
    with torch.no_grad():
        states = x
        for layer in network.layers:
            states, _ = layer(states)
    for one, part in zip(found[-directions:], states.chunk(directions, dim=2), strict=True):
        np.testing.assert_allclose(one.state, part.abs().mean(dim=(0, 2)), rtol=1e-5)
    names = {"rnn": [], "lstm": ["input", "forget", "output"], "gru": ["reset", "update"]}
    for one in found:
        assert [*one.gates] == names[cell.removeprefix("bi")]
        assert all(0 < opened < 1 for gate in one.gates.values() for opened in gate)


def test_a_forget_gate_that_is_forced_open_is_told_as_open():
    network = build_network("lstm", 3, (4,), 0.0, seed=2, device=CPU).eval()
    with torch.no_grad():
        network.layers[0].bias_ih_l0[4:8] = 50
    (layer,) = gates(network, some_windows())
    assert layer.gates["forget"] == pytest.approx([1.0] * 6)
    assert max(layer.gates["input"]) < 0.9


def test_singular_values_are_those_of_each_recurrent_matrix():
    network = a_network("gru", neurons=(5,))
    whole = network.layers[0].weight_hh_l0.detach().numpy()
    assert singular_values(network) == [
        (f"layer 1, {name}", pytest.approx(np.linalg.svd(part)[1][0], rel=1e-5))
        for name, part in zip(("reset", "update", "new"), np.split(whole, 3), strict=True)
    ]
    assert len(singular_values(a_network("bilstm"))) == 2 * 2 * 4


def test_of_a_cell_that_is_not_ours_no_gates_are_told():
    cell = Cell(name="own", load=lambda: partial(nn.GRU, batch_first=True), brought=True)
    network = Network(cell, 3, (4,), 0.0)
    x = some_windows()
    assert gates(network, x) == []
    assert singular_values(network) == []
    assert gradients(network, x).shape == x.shape


@pytest.mark.slow
def test_gates_remember_over_forty_sessions_and_a_plain_rnn_does_not_and_its_gradient_says_why():
    explained, left = {}, {}
    for cell in ("rnn", "lstm", "gru"):
        network, explained[cell], far = trained(cell, epochs=15)
        norm = gradients(network, far).norm(dim=2).mean(dim=0)
        left[cell] = float(norm[WINDOW - 1 - 40] / norm.max())
    assert far.shape[1:] == (WINDOW, 2)
    assert FAR < 40 < WINDOW
    assert min(explained["lstm"], explained["gru"]) > 0.8
    assert explained["rnn"] < 0.5
    assert min(left["lstm"], left["gru"]) > 0.01
    assert left["rnn"] < 1e-3
