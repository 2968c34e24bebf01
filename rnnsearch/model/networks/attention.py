"""Attention: a decoder that looks back at the window before it says a step.

    B  batch      w  window      N  neurons of the last layer      D  directions (1 or 2)
    h_i  what the encoder says of the session i sessions before the window's last one, (D N)
    s_j  the decoder's state at step j, (N)      z_j  what is said of step j

    score(j, i) = (Q [s_j; p(j)]) . (K [h_i; p(i)]) / sqrt(N)        Luong et al. 2015, "general"
    c_j = sum_i softmax_i(score(j, i)) h_i
    z_j = head([s_j; c_j; z_j-1])                                    Bahdanau et al. 2015, A.2.2

A recurrent state does not say how far back its session lies, and what is to come may depend on
just that: on the same session of last week. So places are told as well, p, by sines and cosines, of
which a fixed distance is a linear map (Vaswani et al. 2017, section 3.5).

Luong, Pham & Manning 2015, Effective approaches to attention-based neural machine translation;
Bahdanau, Cho & Bengio 2015, Neural machine translation by jointly learning to align and translate;
Vaswani et al. 2017, Attention is all you need.
"""

import math
from typing import Any

import torch
from torch import Tensor, nn

from rnnsearch.model.networks.decoder import Decoder

WAVES = 8
SHORTEST, LONGEST = 4.0, 400.0
"""Sessions that a wave lasts: neighbours differ in the first, sessions a year apart in the last."""


def places(numbers: Tensor) -> Tensor:
    """Numbers of sessions (m,) as sines and cosines (m, 2 * WAVES)."""
    spread = torch.linspace(math.log(SHORTEST), math.log(LONGEST), WAVES, device=numbers.device)
    angles = numbers[:, None] * (2 * math.pi / spread.exp())
    return torch.cat([angles.sin(), angles.cos()], dim=1)


class Attention(Decoder):
    """See the module."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        size = self.head.in_features
        width = self.directions * size
        self.query = nn.Linear(size + 2 * WAVES, size)
        self.key = nn.Linear(width + 2 * WAVES, size)
        self.head = nn.Linear(size + width + 1, 1)

    def say(self, state: Tensor, fed: Tensor, step: int, outputs: Tensor) -> Tensor:
        seen = (self.weights(state, step, outputs)[:, None] @ outputs).squeeze(1)
        said: Tensor = self.head(torch.cat([state, seen, fed], dim=1))
        return said

    def weights(self, state: Tensor, step: int, outputs: Tensor) -> Tensor:
        """How much a step looks at each session of the window (B, w), which sums to 1."""
        back = torch.arange(outputs.shape[1] - 1, -1, -1, device=outputs.device)
        keys = self.key(torch.cat([outputs, places(back).expand(len(outputs), -1, -1)], dim=2))
        here = places(back.new_tensor([step])).expand(len(outputs), -1)
        query = self.query(torch.cat([state, here], dim=1))
        scores: Tensor = (keys @ query[:, :, None]).squeeze(2) / math.sqrt(query.shape[1])
        return scores.softmax(dim=1)
