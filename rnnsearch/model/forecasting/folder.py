"""The folder of a forecaster: what is written, and what is read back whole or not at all."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors.torch import load, save

from rnnsearch import cells, targets
from rnnsearch.data.atomic import read_file, replace_file
from rnnsearch.model.forecasting import kept_code
from rnnsearch.model.forecasting.spec import (
    ABOUT,
    FORMAT,
    WEIGHTS,
    ForecasterSpec,
    checksum,
    read_about,
)
from rnnsearch.model.networks.network import Network, build_network
from rnnsearch.own_code import OwnCode


def write(
    folder: Path,
    spec: ForecasterSpec,
    code: Mapping[str, OwnCode],
    tensors: dict[str, torch.Tensor],
) -> None:
    """Each file is complete or absent, the JSON last. Raises StorageError."""
    weights = save(tensors)
    plain = json.loads(json.dumps(asdict(spec), allow_nan=False))
    # Without these it is as earlier versions write it.
    for key in (
        "module",
        "code",
        "known_ahead",
        "measured",
        "series",
        "embedding",
        "pooled",
        "quantiles",
        "later_scales",
    ):
        if not plain[key]:
            del plain[key]
    if plain["head"] == "direct":
        del plain["head"]
    kept_code.write(folder, code)
    head = {
        "format": FORMAT,
        "weights_sha256": hashlib.sha256(weights).hexdigest(),
        "spec_sha256": checksum(plain),
    }
    about = json.dumps(head | plain, indent=1, allow_nan=False).encode()
    replace_file(folder / WEIGHTS, lambda file: file.write(weights))
    replace_file(folder / ABOUT, lambda file: file.write(about))
    kept_code.tidy(folder, code)


def read(folder: Path) -> tuple[ForecasterSpec, dict[str, torch.Tensor], bool]:
    """Specification, tensors, and whether the former is as it was written.

    Raises OSError, or ValueError where the files do not belong together.
    """
    spec, weights_sum, as_written = read_about(folder)
    weights = read_file(folder / WEIGHTS)
    if hashlib.sha256(weights).hexdigest() != weights_sum:
        raise ValueError(f"{WEIGHTS} is not the file that {ABOUT} describes")
    return spec, load(weights), as_written


def network_of(
    spec: ForecasterSpec,
    code: Mapping[str, OwnCode],
    tensors: dict[str, torch.Tensor],
    number: int,
    device: torch.device,
) -> Network:
    """The network of this number, with its weights."""
    cell = cells.get(spec.cell, code)
    network = build_network(
        cell,
        len(spec.inputs) + (spec.embedding > 0),
        spec.neurons,
        spec.dropout,
        seed=0,
        device=device,
        outputs=spec.steps * max(len(spec.quantiles), 1),
        identities=(spec.series, spec.embedding) if spec.embedding else None,
        quantiles=spec.quantiles,
        head=spec.head,
        chances=targets.get(spec.predict).loss == "bce",
    )
    prefix = f"network.{number}."
    weights = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
    network.load_state_dict(weights)
    return network.eval()
