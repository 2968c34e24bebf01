"""Networks against torch's own modules and against what a direction may see."""

import pytest
import torch
from torch import nn

from rnnsearch.model.networks import gru
from rnnsearch.model.networks.network import CELLS, Network, build_network

torch.set_num_threads(1)
CPU = torch.device("cpu")
BIDIRECTIONAL = [cell for cell in CELLS if cell.startswith("bi")]
TORCH = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}


def build(cell, neurons=(4,), dropout=0.0, seed=0) -> Network:
    return build_network(cell, 3, neurons, dropout, seed=seed, device=CPU)


def batch(seed=1) -> torch.Tensor:
    return torch.randn(5, 7, 3, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("neurons", [(4,), (4, 4), (4, 4, 4)])
def test_a_network_equals_the_torch_module_and_head_built_by_hand(cell, neurons):
    network = build(cell, neurons)
    bidirectional = cell in BIDIRECTIONAL
    reference = TORCH[cell.removeprefix("bi")](
        3, 4, num_layers=len(neurons), batch_first=True, bidirectional=bidirectional
    )
    reference.load_state_dict(network.layers[0].state_dict())
    output, _ = reference(batch())
    final = torch.cat([output[:, -1, :4], output[:, 0, 4:]], dim=1)  # forward ends last, backward 0
    torch.testing.assert_close(network(batch()), network.head(final)[:, 0])


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("block", [1, 5 * 4 * 3, 10**6])  # sessions at a time: 1, 3 of 7, all
def test_a_gru_has_torch_s_gradients(bidirectional, block, monkeypatch):
    monkeypatch.setattr(gru, "_BLOCK", block)
    shape = {"num_layers": 2, "batch_first": True, "bidirectional": bidirectional}
    ours, reference = gru.GRU(3, 4, **shape), nn.GRU(3, 4, **shape)
    reference.load_state_dict(ours.state_dict())
    gradients = []
    for layer in (ours, reference):
        x = batch().requires_grad_()
        outputs, final = layer(x)
        (outputs.pow(3).sum() + final.sin().sum()).backward()
        gradients.append([x.grad, *(weights.grad for weights in layer.parameters())])
    torch.testing.assert_close(*gradients)


@pytest.mark.parametrize("cell", CELLS)
def test_layers_one_by_one_equal_layers_in_one_module(cell):
    """A reduction: without its dropout, the stack with dropout is torch's stacked module."""
    stack, fused = build(cell, (4, 4), dropout=0.3).eval(), build(cell, (4, 4))
    state = {
        name.replace("_l0", f"_l{number}"): value
        for number, layer in enumerate(stack.layers)
        for name, value in layer.state_dict().items()
    }
    fused.layers[0].load_state_dict(state)
    fused.head.load_state_dict(stack.head.state_dict())
    torch.testing.assert_close(stack(batch()), fused(batch()))


@pytest.mark.parametrize("cell", CELLS)
def test_layers_may_differ_in_size(cell):
    network = build(cell, (6, 2, 5), dropout=0.1)
    assert [layer.hidden_size for layer in network.layers] == [6, 2, 5]
    assert network(batch()).shape == (5,)


def test_an_lstm_step_equals_its_equations():
    network = build("lstm")
    layer = network.layers[0]
    x = batch()[:, :1]
    i, f, g, o = (x[:, 0] @ layer.weight_ih_l0.T + layer.bias_ih_l0 + layer.bias_hh_l0).chunk(4, 1)
    c = torch.sigmoid(f) * 0 + torch.sigmoid(i) * torch.tanh(g)
    h = torch.sigmoid(o) * torch.tanh(c)
    torch.testing.assert_close(network(x), network.head(h)[:, 0])


@pytest.mark.parametrize("cell", BIDIRECTIONAL)
@pytest.mark.parametrize("half", ["forward", "backward"])
def test_each_direction_of_the_head_reads_the_whole_window(cell, half):
    network = build(cell)
    with torch.no_grad():
        network.head.weight[:, slice(4, 8) if half == "forward" else slice(0, 4)] = 0
    x = batch().requires_grad_()
    network(x).sum().backward()
    assert (x.grad.abs().sum(dim=(0, 2)) > 0).all()


@pytest.mark.parametrize("cell", CELLS)
def test_the_same_seed_gives_the_same_weights(cell):
    one, same, other = build(cell, seed=3), build(cell, seed=3), build(cell, seed=4)
    for a, b, c in zip(one.parameters(), same.parameters(), other.parameters(), strict=True):
        assert torch.equal(a, b)
        assert not torch.equal(a, c)


def test_building_leaves_the_global_random_state_alone():
    before = torch.get_rng_state()
    build("bigru", (4, 4), dropout=0.5)
    assert torch.equal(before, torch.get_rng_state())


def test_dropout_lies_between_layers_and_only_while_training():
    network = build("lstm", (8, 8), dropout=0.5)
    assert not torch.equal(network(batch()), network(batch()))
    network.eval()
    assert torch.equal(network(batch()), network(batch()))
    single = build("lstm", (8,), dropout=0.5)
    assert torch.equal(single(batch()), single(batch()))
