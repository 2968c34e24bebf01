"""What a network's gates do over a window, and how large its recurrent weights are.

    B  batch      w  window      F  inputs      N  neurons of a layer

The recurrences are written out as `network` has them: torch's own modules do not tell their gates.
Of a cell that is not ours nothing is known, and nothing is told.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from rnnsearch.model.networks.network import Network

BLOCKS = {
    nn.RNN: ("state",),
    nn.LSTM: ("input", "forget", "new", "output"),
    nn.GRU: ("reset", "update", "new"),
}
"""What torch stacks in a layer's weights, in its order."""
OPENINGS = {nn.RNN: (), nn.LSTM: ("input", "forget", "output"), nn.GRU: ("reset", "update")}
"""Those that are gates: 0 shut, 1 open."""


@dataclass(frozen=True)
class LayerGates:
    """One layer in one direction: how far each gate is open at each session, the oldest first.

    `gates`: (w,) each, means over batch and neurons. `state` (w,) is the mean size of its output.
    """

    layer: int  # from 1
    backward: bool
    gates: dict[str, list[float]]
    state: list[float]


@torch.no_grad()
def gates(network: Network, x: Tensor) -> list[LayerGates]:
    """Of windows x (B, w, F), layer by layer; empty for cells that are not ours."""
    found: list[LayerGates] = []
    number = 0
    for module in network.layers:
        if not isinstance(module, nn.RNNBase):
            return []
        for place in range(module.num_layers):
            number += 1
            outputs = []
            for direction in range(network.directions):
                weights = module.all_weights[place * network.directions + direction]
                seen = x.flip(1) if direction else x
                states, opened = _run(_kind(module), seen, weights)
                if direction:
                    states, opened = states.flip(1), {k: v.flip(1) for k, v in opened.items()}
                outputs.append(states)
                found.append(
                    LayerGates(
                        number,
                        bool(direction),
                        {name: _mean(value) for name, value in opened.items()},
                        _mean(states.abs()),
                    )
                )
            x = torch.cat(outputs, dim=2)
    return found


def singular_values(network: Network) -> list[tuple[str, float]]:
    """The largest singular value of each recurrent matrix, by layer and what it leads to.

    A plain RNN's gradient shrinks by at least this factor a session where it is below 1, and may
    explode where it is above (Pascanu, Mikolov & Bengio 2013, On the difficulty of training
    recurrent neural networks). Empty for cells that are not ours.
    """
    return [
        (name, float(torch.linalg.svdvals(matrix.detach().double())[0]))
        for name, matrix in _recurrent(network)
    ]


def _recurrent(network: Network) -> Iterator[tuple[str, Tensor]]:
    number = 0
    for module in network.layers:
        if not isinstance(module, nn.RNNBase):
            return
        blocks = BLOCKS[_kind(module)]
        for place in range(module.num_layers):
            number += 1
            for direction in range(network.directions):
                matrix = module.all_weights[place * network.directions + direction][1]
                way = " backward" if direction else ""
                for block, part in zip(blocks, matrix.chunk(len(blocks)), strict=True):
                    yield f"layer {number}{way}, {block}", part


def _kind(module: nn.RNNBase) -> type[nn.RNNBase]:
    return next(kind for kind in BLOCKS if isinstance(module, kind))


def _run(
    kind: type[nn.RNNBase], x: Tensor, weights: Sequence[Tensor]
) -> tuple[Tensor, dict[str, Tensor]]:
    """(B, w, F) -> states (B, w, N), and each gate (B, w, N); see `network` for the equations."""
    w, u, b, b_hidden = weights
    h = x.new_zeros(len(x), u.shape[1])
    c = torch.zeros_like(h)
    states: list[Tensor] = []
    opened: dict[str, list[Tensor]] = {name: [] for name in OPENINGS[kind]}
    for session in x.unbind(1):
        given, kept = session @ w.t() + b, h @ u.t() + b_hidden
        if kind is nn.RNN:
            h = torch.tanh(given + kept)
        elif kind is nn.LSTM:
            i, f, g, o = (given + kept).chunk(4, dim=1)
            i, f, o = i.sigmoid(), f.sigmoid(), o.sigmoid()
            c = f * c + i * g.tanh()
            h = o * c.tanh()
            for name, value in zip(OPENINGS[kind], (i, f, o), strict=True):
                opened[name].append(value)
        else:
            (r, z, n), (r_kept, z_kept, n_kept) = given.chunk(3, dim=1), kept.chunk(3, dim=1)
            r, z = (r + r_kept).sigmoid(), (z + z_kept).sigmoid()
            n = torch.tanh(n + r * n_kept)
            h = (1 - z) * n + z * h
            for name, value in zip(OPENINGS[kind], (r, z), strict=True):
                opened[name].append(value)
        states.append(h)
    return torch.stack(states, dim=1), {k: torch.stack(v, dim=1) for k, v in opened.items()}


def _mean(values: Tensor) -> list[float]:  # (B, w, N) -> (w,)
    told: list[float] = values.mean(dim=(0, 2)).tolist()
    return told
