"""[space]: what a trial is drawn from, and all else that is to be known of each parameter."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, WithJsonSchema

from rnnsearch import cells
from rnnsearch.config.dimensions import (
    MOST,
    Drawn,
    FloatDimension,
    FloatRange,
    IntDimension,
    IntRange,
    Section,
    WordDimension,
    bounds,
    drawn,
    extremes,
)
from rnnsearch.errors import shown

CellName = Annotated[
    str,
    AfterValidator(cells.check),
    WithJsonSchema({"type": "string", "anyOf": [{"enum": [*cells.OURS]}, {"type": "string"}]}),
]
ScalerKind = Literal["standard", "minmax", "robust"]
OptimizerKind = Literal["adam", "sgd"]
Head = Literal["direct", "decoder", "attention"]

DIRECT = "direct"
LossKind = Literal["mse", "mae", "huber", "quantile"]

_FUTURE = "; a negative shift would show the network sessions after the origin"
_AHEAD = "; a target lies after the origin, as what lies before it is known"


def _levels(levels: tuple[float, ...]) -> tuple[float, ...]:
    """Quantile levels as a study file has them."""
    if not levels:
        raise ValueError("is an empty list; leave it out, or give levels such as [0.1, 0.5, 0.9]")
    if len(levels) > MOST_LEVELS:
        raise ValueError(f"has at most {MOST_LEVELS} levels, got {len(levels)}; leave some out")
    for level in levels:
        if not LEAST_LEVEL <= level <= 1 - LEAST_LEVEL:
            raise ValueError(
                f"a level lies between {LEAST_LEVEL} and {1 - LEAST_LEVEL}, got {level}; what is "
                "further out is not learnt from a few thousand rows"
            )
    if any(two <= one for one, two in pairwise(levels)):
        raise ValueError(f"levels rise, got {shown([*levels])}; sort them, each once")
    for one, two in pairwise(levels):
        if two - one < LEAST_LEVEL * (1 - 1e-9):  # columns are named by them: q10, q12.5
            raise ValueError(
                f"levels lie at least {LEAST_LEVEL} apart, got {one} and {two}; leave one out"
            )
    if 0.5 not in levels[1:-1]:
        raise ValueError(
            "levels hold 0.5, the median, which is the forecast, and some below and above it, got "
            f"{shown([*levels])}"
        )
    return levels


MOST_LEVELS, LEAST_LEVEL = 99, 0.001


class SpaceSection(Section):
    """What a trial is drawn from: a value, a list of choices, or a range."""

    cell: Annotated[
        WordDimension[CellName], Drawn("lstm", also="model network rnn rnn_type architecture type")
    ] = Field(
        default=("lstm", "gru", "bilstm"),
        description="Recurrent cell: one of ours, that of an installed package, or one of your "
        'own, "my_cells.py:MyCell".',
    )
    layers: Annotated[
        IntDimension, bounds(1, 16), Drawn(1, also="num_layers n_layers depth", alone=False)
    ] = Field(default=IntRange(low=1, high=3), description="Stacked recurrent layers.")
    neurons: Annotated[
        IntDimension,
        bounds(1, 8192),
        Drawn(32, also="hidden hidden_size hidden_units units nodes n_units cells", alone=False),
    ] = Field(
        default=IntRange(low=8, high=128, log=True), description="Units per layer and direction."
    )
    neurons_per: Literal["network", "layer"] = Field(
        default="network", description="network: all layers alike; layer: each has its own."
    )
    loss: Annotated[
        WordDimension[LossKind],
        Drawn("mse", also="criterion loss_function loss_fn loss_func"),
    ] = Field(
        default="mse",
        description="What training makes small: squared errors (mse), absolute ones (mae); huber: "
        "squared up to the size of a usual target, absolute beyond; quantile: the forecast is a "
        "distribution, told by quantiles. A direction is learnt by cross-entropy.",
    )
    quantiles: Annotated[tuple[float, ...], AfterValidator(_levels)] = Field(
        default=(0.1, 0.25, 0.5, 0.75, 0.9),
        description="The levels that are forecast with loss quantile: rising, 0.5 among them, "
        "which is the forecast.",
    )
    window: Annotated[
        IntDimension,
        bounds(1, MOST),
        Drawn(
            20,
            also="lookback look_back seq_len sequence_length timesteps time_steps "
            "input_chunk_length",
        ),
    ] = Field(default=IntRange(low=5, high=60), description="Sessions in one sample.")
    epochs: Annotated[
        IntDimension,
        bounds(1, MOST),
        Drawn(30, also="epoch n_epochs num_epochs max_epochs iterations"),
    ] = Field(default=IntRange(low=10, high=60), description="Passes over the training rows.")
    batch_size: Annotated[
        IntDimension, bounds(1, MOST), Drawn(64, also="batch bs batchsize minibatch")
    ] = Field(default=(32, 64, 128, 256), description="Samples per gradient step.")
    learning_rate: Annotated[
        FloatDimension, bounds(1e-8, 10), Drawn(2e-3, also="lr eta alpha step_size rate")
    ] = Field(default=FloatRange(low=2e-4, high=2e-2, log=True), description="Of the optimizer.")
    optimizer: Annotated[WordDimension[OptimizerKind], Drawn("adam", also="optimiser opt")] = Field(
        default="adam", description="adam, or sgd with momentum 0.9."
    )
    weight_decay: Annotated[FloatDimension, bounds(0, 100), Drawn(0.1, also="wd l2")] = Field(
        default=FloatRange(low=0.01, high=3.0, log=True),
        description="Pull of the weights towards 0, decoupled from the gradient (AdamW).",
    )
    averaging: Annotated[WordDimension[bool], Drawn(True)] = Field(
        default=True,
        description="Forecast with weights averaged over about the last ninth of the steps so far.",
    )
    dropout: Annotated[FloatDimension, bounds(0, below=1), Drawn(0.0, also="drop dropout_rate")] = (
        Field(
            default=FloatRange(low=0.0, high=0.5, step=0.1),
            description="Between layers; a network of one layer has none.",
        )
    )
    scaler: Annotated[
        WordDimension[ScalerKind],
        Drawn("standard", also="scaling normalization normalisation normalize"),
    ] = Field(default="standard", description="Of the inputs, fitted on training rows.")
    input_shift: Annotated[
        IntDimension, bounds(0, MOST, why=_FUTURE), Drawn(0, also="lag lags delay", alone=False)
    ] = Field(
        default=IntRange(low=0, high=5), description="The window ends so many sessions early."
    )
    input_shift_per: Literal["trial", "family"] = Field(
        default="trial", description="trial: one shift for all inputs; family: one for each family."
    )
    output_shift: Annotated[
        IntDimension,
        bounds(1, MOST, why=_AHEAD),
        Drawn(1, also="horizon forecast_horizon h ahead steps_ahead"),
    ] = Field(
        default=IntRange(low=1, high=5), description="The target lies so many sessions ahead."
    )
    embedding: Annotated[IntDimension, bounds(0, 256), Drawn(0, also="identity")] = Field(
        default=0,
        description="With `[data] pool`: numbers learnt for each series, by which a network tells "
        "them apart; 0: it cannot.",
    )
    head: Annotated[WordDimension[Head], Drawn("direct", also="decoder_type seq2seq")] = Field(
        default="direct",
        description="Of paths: direct: all steps from the final state; decoder: a second network "
        "of the same cell goes on from it, and each step knows what was said of the one before; "
        "attention: a decoder whose every step looks back at the window.",
    )
    teacher_forcing: Annotated[
        FloatDimension, bounds(0, 1), Drawn(0.5, also="teacher_forcing_ratio scheduled_sampling")
    ] = Field(
        default=FloatRange(low=0.0, high=1.0),
        description="How often a decoder is fed what came instead of what it said, in its first "
        "epoch; in the last one never, in forecasts never.",
    )
    clip: float = Field(default=1.0, ge=0, description="Largest gradient norm; 0 clips nothing.")

    @property
    def decodes(self) -> bool:
        """Whether some trials go on from step to step of a path."""
        return set(extremes(self.head)) != {DIRECT}

    @property
    def drawn(self) -> Mapping[str, Drawn]:
        """The parameters that trials draw: without that of decoders where there are none."""
        every = drawn(type(self))
        if self.decodes:
            return every
        return {name: mark for name, mark in every.items() if name != "teacher_forcing"}
