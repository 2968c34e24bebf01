"""Recurrent networks: stacked cells and a linear head.

    B  batch      w  window      F  inputs      N  neurons of a layer      D  directions (1 or 2)

For one session's inputs x and the state h of the session before (`*` elementwise, s the logistic
function), with W, U, b the weights of each gate:

    rnn    h' = tanh(W x + U h + b)                          Elman 1990
    lstm   c' = s(f) * c + s(i) * tanh(g)                    Hochreiter & Schmidhuber 1997, with the
           h' = s(o) * tanh(c')                              forget gate of Gers et al. 2000
           where i, f, g, o = W x + U h + b each
    gru    h' = (1 - s(z)) * n + s(z) * h                    Cho et al. 2014
           n  = tanh(W x + b + s(r) * (U h + b'))

    bi...  one such network reads the window forward, a second one backward; a layer's output is
           both side by side                                 Schuster & Paliwal 1997
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from rnnsearch.model.gru import GRU

_CELLS: dict[str, Callable[..., nn.RNNBase]] = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": GRU}

CELLS = (*_CELLS, *(f"bi{cell}" for cell in _CELLS))
"""The cells by name: rnn, lstm, gru, birnn, bilstm, bigru."""


class Network(nn.Module):
    """Stacked recurrent layers whose final state is mapped to one number.

    `neurons` holds the size of each layer, first to last. `dropout` is the share of units dropped
    between layers while training, so a single layer drops none. `x` (B, w, F) must be finite.

    The head reads the *final* state of each direction of the last layer: the backward direction
    ends at the first session of the window. (Its output at the last session has seen one session.)
    """

    def __init__(self, cell: str, inputs: int, neurons: tuple[int, ...], dropout: float) -> None:
        super().__init__()
        self.directions = 2 if cell.startswith("bi") else 1
        # Layers of one size without dropout are one torch module, which is fast on a GPU. cuDNN's
        # own dropout cannot be seeded (pytorch/pytorch#18110), so dropout is always ours.
        fused = dropout == 0 and len(set(neurons)) == 1
        width = inputs
        self.layers = nn.ModuleList()
        for size in neurons[:1] if fused else neurons:
            layer = _CELLS[cell.removeprefix("bi")](
                input_size=width,
                hidden_size=size,
                num_layers=len(neurons) if fused else 1,
                batch_first=True,
                bidirectional=self.directions == 2,
            )
            self.layers.append(layer)
            width = self.directions * size
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(width, 1)

    def forward(self, x: Tensor) -> Tensor:  # (B, w, F) -> (B,)
        for number, layer in enumerate(self.layers):
            x, state = layer(x if number == 0 else self.dropout(x))  # (B, w, D * N)
        hidden = state[0] if isinstance(state, tuple) else state  # an LSTM's state is (h, c)
        final = hidden[-self.directions :].transpose(0, 1).flatten(1)  # (B, D * N)
        forecast: Tensor = self.head(final).squeeze(1)
        return forecast


def build_network(
    cell: str,
    inputs: int,
    neurons: tuple[int, ...],
    dropout: float,
    *,
    seed: int,
    device: torch.device,
) -> Network:
    """A network whose first weights depend on `seed` alone.

    They are drawn on the CPU, so they are the same on every device, and torch's global random
    state is left as it was.
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        network = Network(cell, inputs, neurons, dropout)
    return network.to(device)
