"""How wide a processor's vectors are, and how the kernels use its registers."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Width:
    """One kind of processor.

    A kernel works on blocks of some vectors of windows: the first number of `blocks`, or a later
    one for what is left of a batch. It holds a tile of sums in registers: of `units[cell]` neurons
    forward, of `outputs` columns backward.
    """

    name: str
    features: tuple[str, ...]  # of the processor, as LLVM names them
    lanes: int  # float32 in a register
    blocks: tuple[int, ...]  # vectors of a block, most first
    units: Mapping[str, int]
    outputs: int

    @property
    def rows(self) -> int:
        """Windows of a whole block."""
        return self.blocks[0] * self.lanes


WIDTHS = (
    # 32 registers: 16 sums, and what is added to them
    Width("avx512", ("avx512f",), 16, (2, 1), {"lstm": 2, "gru": 2, "rnn": 4}, 8),
    # 16 registers
    Width("avx2", ("avx2", "fma"), 8, (2, 1), {"lstm": 1, "gru": 1, "rnn": 4}, 4),
    Width("neon", ("neon",), 4, (4, 2, 1), {"lstm": 1, "gru": 1, "rnn": 4}, 4),
)
"""Widest first."""


def of_features(features: Mapping[str, bool]) -> Width | None:
    """The widest that a processor has; None where the kernels would be no gain."""
    for width in WIDTHS:
        if all(features.get(feature) for feature in width.features):
            return width
    return None
