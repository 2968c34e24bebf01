"""Recurrent networks: stacked cells and a linear head.

    B  batch      w  window      F  inputs      N  neurons of a layer      D  directions (1 or 2)
    O  outputs: of a path one for each step

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

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from rnnsearch import cells
from rnnsearch.cells import Cell
from rnnsearch.model.losses import Levels
from rnnsearch.model.networks.own_cell import OwnLayer

CELLS = tuple(cells.OURS)
"""Our cells by name."""

IDENTITY_SIZE = 0.1
"""Deviation of the numbers of a series before they are learnt: small beside scaled inputs."""


class Network(nn.Module):
    """Stacked recurrent layers whose final state is mapped to one number, or to some.

    `neurons` holds the size of each layer, first to last. `dropout` is the share of units dropped
    between layers while training, so a single layer drops none. `x` (B, w, F) must be finite.
    With `quantiles` each so many outputs are quantiles of those levels, in order (see `losses`).
    `chances`: what it says are logits.

    With `identities`, how many series there are and the numbers that are learnt for each, the last
    column of `x` is the number of the series, which these take the place of in every session. Of a
    series that it does not know, one past the last, they are the mean of all.

    The head reads the *final* state of each direction of the last layer: the backward direction
    ends at the first session of the window. (Its output at the last session has seen one session.)
    """

    forcing = 0.0
    """How often what came is fed on in training, where a network feeds on what it said."""

    def __init__(
        self,
        cell: Cell,
        inputs: int,
        neurons: tuple[int, ...],
        dropout: float,
        outputs: int = 1,
        quantiles: tuple[float, ...] = (),
        identities: tuple[int, int] | None = None,
        chances: bool = False,
    ) -> None:
        super().__init__()
        self.levels = Levels(quantiles) if quantiles else None
        self.outputs, self.chances = outputs, chances
        self.directions = cell.directions
        self.identity: nn.Parameter | None = None
        # Layers of one size without dropout are one torch module, which is fast on a GPU. cuDNN's
        # own dropout cannot be seeded (pytorch/pytorch#18110), so dropout is always ours.
        fused = not cell.brought and dropout == 0 and len(set(neurons)) == 1
        width = inputs if identities is None else inputs - 1 + identities[1]
        self.layers = nn.ModuleList()
        for size in neurons[:1] if fused else neurons:
            self.layers.append(_layers(cell, width, size, len(neurons) if fused else 1))
            width = self.directions * size
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(width, outputs)
        if identities is not None:  # last: the other weights begin as they do without
            self.identity = nn.Parameter(IDENTITY_SIZE * torch.randn(*identities))

    def encode(self, x: Tensor) -> tuple[Tensor, list[tuple[Tensor, ...]]]:
        """(B, w, F) -> the last layer's outputs (B, w, D * N), and what each of the modules ends
        with: h, and c of an LSTM, of its layers and directions (L * D, B, N)."""
        ends = []
        if self.identity is not None:
            x = self._with_identity(x, self.identity)
        for number, layer in enumerate(self.layers):
            x, state = layer(x if number == 0 else self.dropout(x))  # (B, w, D * N)
            ends.append(state if isinstance(state, tuple) else (state,))
        return x, ends

    def forward(self, x: Tensor) -> Tensor:  # (B, w, F) -> (B,), or (B, O) where O > 1
        _, ends = self.encode(x)
        final = ends[-1][0][-self.directions :].transpose(0, 1).flatten(1)
        return self.forecast(self.head(final))

    def forecast(self, said: Tensor) -> Tensor:  # (B, O) -> (B,), or (B, O) where O > 1
        """What the head's outputs mean."""
        said = said if self.levels is None else self.levels.in_order(said)
        return said.squeeze(1)

    def points(self, forecasts: Tensor) -> Tensor:  # (B,) or (B, O) -> (B,) or (B, G)
        """Of quantiles the medians."""
        if self.levels is None:
            return forecasts
        return self.levels.of_each(forecasts)[..., self.levels.middle].squeeze(1)

    def learning(self, x: Tensor, actual: Tensor) -> Tensor:  # (B, w, F), like the outputs
        """The outputs in training, where what came may be looked at as `forcing` says."""
        outputs: Tensor = self(x)
        return outputs

    @staticmethod
    def _with_identity(x: Tensor, identity: Tensor) -> Tensor:  # (B, w, F) -> (B, w, F - 1 + size)
        known = torch.cat([identity, identity.mean(dim=0, keepdim=True)])
        own = known[x[:, -1, -1].long()]  # (B, size)
        return torch.cat([x[..., :-1], own[:, None].expand(-1, x.shape[1], -1)], dim=2)


def _layers(cell: Cell, inputs: int, neurons: int, count: int) -> nn.Module:
    """(B, w, F) -> (B, w, D * N) and the final state or states: (count * D, B, N)."""
    if cell.brought:
        return OwnLayer(cell, inputs, neurons)
    layers: nn.Module = cell.load()(
        input_size=inputs,
        hidden_size=neurons,
        num_layers=count,
        batch_first=True,
        bidirectional=cell.directions == 2,
    )
    return layers


def heads() -> Mapping[str, type[Network]]:
    """What turns a final state into the steps of a path, by the names that `[space] head` has."""
    from rnnsearch.model.networks.attention import Attention  # which are networks
    from rnnsearch.model.networks.decoder import Decoder

    return {"direct": Network, "decoder": Decoder, "attention": Attention}


def build_network(
    cell: str | Cell,
    inputs: int,
    neurons: tuple[int, ...],
    dropout: float,
    *,
    seed: int,
    device: torch.device,
    outputs: int = 1,
    quantiles: tuple[float, ...] = (),
    identities: tuple[int, int] | None = None,
    head: str = "direct",
    chances: bool = False,
) -> Network:
    """A network whose first weights depend on `seed` alone; `cell` may be the name of one of ours.

    They are drawn on the CPU, so they are the same on every device, and torch's global random
    state is left as it was.
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        kind = cells.get(cell) if isinstance(cell, str) else cell
        build = heads()[head]
        network = build(kind, inputs, neurons, dropout, outputs, quantiles, identities, chances)
    return network.to(device)
