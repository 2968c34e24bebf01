"""A layer made of a cell that is not ours, and the trial that it must stand before a search.

B  batch      w  window      F  inputs      N  neurons
"""

import warnings

import torch
from torch import Tensor, nn

from rnnsearch import plugins
from rnnsearch.cells import PLACE, Cell
from rnnsearch.errors import RnnsearchError, StudyFileError
from rnnsearch.own_code import OwnCodeError, running, told


def _alike(a: Tensor, b: Tensor) -> bool:
    """Equal but for rounding."""
    return torch.allclose(a, b, rtol=1e-3, atol=1e-5)


class OwnLayer(nn.Module):
    """Looks like a layer of torch's `nn.RNNBase`: outputs, and the state after the last session.

    Raises OwnCodeError, with the place in the user's file, for whatever goes wrong in it.
    """

    def __init__(self, cell: Cell, inputs: int, neurons: int) -> None:
        super().__init__()
        self._kind, self._neurons = cell, neurons
        make = cell.load()
        if not callable(make):
            raise OwnCodeError(
                f"{PLACE}: {cell.name} is a {type(make).__name__}, and cannot be called; name a "
                "class"
            )
        made = _running(cell, make, inputs, neurons)
        if not isinstance(made, nn.Module):
            raise OwnCodeError(
                f"{PLACE}: {cell.name} makes a {type(made).__name__}; let it be a torch.nn.Module "
                "that is made with (input_size, hidden_size)"
            )
        self.cell = made

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:  # (B, w, F) -> (B, w, N), (1, B, N)
        outputs = _running(self._kind, self.cell, x)
        if isinstance(outputs, tuple):  # torch's own cells return their last state too
            outputs = outputs[0]
        wanted = (*x.shape[:2], self._neurons)
        if not isinstance(outputs, Tensor) or outputs.shape != wanted:
            what = tuple(outputs.shape) if isinstance(outputs, Tensor) else type(outputs).__name__
            raise OwnCodeError(
                f"{PLACE}: {self._kind.name} must give its state after each session, (batch, "
                f"window, hidden_size) = {wanted} for an input {tuple(x.shape)}, but gave {what}"
            )
        return outputs, outputs[:, -1][None]


def _running(cell: Cell, what: object, *arguments: object) -> object:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return what(*arguments)  # type: ignore[operator]
    except (torch.OutOfMemoryError, RnnsearchError):
        raise
    except (Exception, SystemExit) as error:
        if cell.code is None:
            said = f"{cell.name}: {plugins.failed(error)}"
        else:
            said = told(error, cell.code)
        raise OwnCodeError(f"{PLACE}: {said}") from None


@torch.random.fork_rng(devices=[])
def try_cell(cell: Cell, neurons: int, window: int) -> None:
    """Make a small layer of it and see that it is what a network can be made of.

    Raises StudyFileError with what is wrong and what to do.
    """
    if cell.code is None:
        _try(cell, neurons, window)
    else:
        with running(cell.code, PLACE):
            _try(cell, neurons, window)


def _try(cell: Cell, neurons: int, window: int) -> None:
    torch.default_generator.manual_seed(0)
    layer = OwnLayer(cell, 3, neurons)
    x = torch.randn(4, window, 3)
    given = x.clone()

    def refuse(rule: str) -> StudyFileError:
        return StudyFileError(f"{PLACE}: {cell.name}: {rule}")

    layer.eval()
    with torch.no_grad():
        outputs, again = layer(x)[0], layer(x)[0]
        alone = torch.cat([layer(one)[0] for one in x.split(1)])
    if not torch.equal(x, given):
        raise refuse("it changes its input in place; work on a copy: x.clone()")
    if not bool(outputs.isfinite().all()):
        raise refuse("its output is not a finite number for usual inputs; begin with small weights")
    if not _alike(outputs, again):
        raise refuse(
            "its output differs from call to call where nothing is trained; keep no state between "
            "calls, and use dropout only `if self.training`"
        )
    if not _alike(outputs, alone):
        raise refuse(
            "its output for one window depends on the other windows of the batch; an input is "
            "(batch, window, inputs), so give torch's own layers batch_first=True"
        )
    layer.train()
    _, state = layer(x)
    if not state.requires_grad:
        raise refuse("its output cannot be trained: it has no parameters, or detaches them")
    state.sum().backward()
    idle = [name for name, p in layer.cell.named_parameters() if p.grad is None]
    if idle:
        raise refuse(
            f"its parameter {idle[0]!r} has no effect on its output; use it, or leave it out "
            "(what is not trained is a buffer: register_buffer)"
        )
    if odd := [name for name, value in layer.state_dict().items() if not isinstance(value, Tensor)]:
        raise refuse(f"its state has {odd[0]!r}, which is no tensor and could not be kept")
