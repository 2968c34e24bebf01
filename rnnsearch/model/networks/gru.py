"""torch's GRU, faster on a CPU: the same weights, results and gradients.

On a CPU torch runs each session of a GRU as thirty small operations, and for small networks their
overhead is the time (its LSTM is a single kernel). Here a session takes five operations forward
and two or three backward; what needs no later session's gradient is computed for many sessions at
a time.

    T  sessions      B  batch      F  inputs      N  neurons      s  the logistic function

    r = s(W x + U h + b)      z likewise      q = U h + b'
    n = tanh(W x + b + r * q)
    h' = n + z * (h - n)

With g the gradient of h', the gradients of what goes into s and tanh, of q and of h are

    n  g * (1 - z) * (1 - n²)     r  that * q * r * (1 - r)     z  g * (h - n) * z * (1 - z)
    q  that of n * r              h  g * z + [r, z, q's gradients] U
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

_BLOCK = 65536
"""Numbers of each kind that are computed at a time: they stay in a core's cache."""

_times_tanh_slope = torch.ops.aten.tanh_backward.grad_input  # a, y -> a * (1 - y²)
_times_logistic_slope = torch.ops.aten.sigmoid_backward.grad_input  # a, y -> a * y * (1 - y)


class GRU(nn.GRU):
    """`torch.nn.GRU` with `batch_first`, biases, no dropout and a first state of 0."""

    def forward(  # type: ignore[override]
        self,
        x: Tensor,  # (B, T, F)
    ) -> tuple[Tensor, Tensor]:  # (B, T, D * N) outputs and (layers * D, B, N) final states
        if x.device.type != "cpu":
            outputs, final = super().forward(x)
            return outputs, final
        weights, finals = iter(self.all_weights), []
        x = x.transpose(0, 1)
        for _ in range(self.num_layers):
            states, last = _layer(x, *next(weights))
            finals.append(last)
            if self.bidirectional:
                backward, last = _layer(x.flip(0), *next(weights))
                finals.append(last)
                states = torch.cat((states, backward.flip(0)), dim=2)
            x = states
        return x.transpose(0, 1), torch.stack(finals)


class _Layer(torch.autograd.Function):
    """One layer in one direction."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,  # (T, B, F)
        w: Tensor,  # (3N, F), rows in the order r, z, n
        u: Tensor,  # (3N, N)
        b: Tensor,  # (3N,)
        b_hidden: Tensor,  # (3N,)
    ) -> tuple[Tensor, Tensor]:  # (T, B, N) states and the last of them
        ctx.set_materialize_grads(False)
        T, B, F = x.shape
        N = u.shape[1]
        bias = torch.cat((b[: 2 * N] + b_hidden[: 2 * N], b[2 * N :]))
        rzq = torch.addmm(bias, x.reshape(T * B, F), w.t()).view(T, B, 3 * N)
        n = rzq[..., 2 * N :].clone()
        rzq[..., 2 * N :] = b_hidden[2 * N :]
        h = x.new_empty(T + 1, B, N)
        h[0] = 0
        rz, r, z, q = rzq[..., : 2 * N], rzq[..., :N], rzq[..., N : 2 * N], rzq[..., 2 * N :]
        u_t = u.t()
        for rzq_, rz_, r_, z_, q_, n_, before, after in _sessions(
            rzq, rz, r, z, q, n, h[:-1], h[1:]
        ):
            torch.addmm(rzq_, before, u_t, out=rzq_)
            rz_.sigmoid_()
            n_.addcmul_(r_, q_).tanh_()
            torch.lerp(n_, before, z_, out=after)
        ctx.save_for_backward(x, w, u, rzq, n, h)
        return h[1:], h[-1].clone()

    @staticmethod
    def backward(ctx: Any, g_states: Tensor | None, g_last: Tensor | None) -> Any:
        x, w, u, rzq, n, h = ctx.saved_tensors
        T, B, F = x.shape
        N = u.shape[1]
        g = x.new_empty(T + 1, B, N)  # of h; g[0] that of the first state, which nobody asks for
        g[T] = 0 if g_last is None else g_last
        g_n = x.new_empty(T, B, N)
        g_rzqh = x.new_empty(T, B, 4, N)
        flat = g_rzqh.view(T, B, 4 * N)
        g_rzq, g_h = flat[..., : 3 * N], flat[..., 3 * N :]
        size = min(T, max(1, _BLOCK // (B * N)))
        factors = x.new_empty(size, B, 4, N)  # g_rzqh / g
        for stop in range(T, 0, -size):
            start = max(0, stop - size)
            block = slice(start, stop)
            factor = factors[: stop - start]
            r, z, q = rzq[block].view(-1, B, 3, N).unbind(2)
            _times_tanh_slope(1 - z, n[block], grad_input=g_n[block])
            _times_logistic_slope(g_n[block] * q, r, grad_input=factor[:, :, 0])
            _times_logistic_slope(h[block] - n[block], z, grad_input=factor[:, :, 1])
            torch.mul(g_n[block], r, out=factor[:, :, 2])
            factor[:, :, 3] = z
            after, before = g[start + 1 : stop + 1], g[block]
            each = _sessions(
                factor, g_rzqh[block], g_rzq[block], g_h[block], after, before, backward=True
            )
            for session, (factor_, g_rzqh_, g_rzq_, g_h_, after_, before_) in enumerate(each, 1):
                if g_states is not None:
                    after_ += g_states[stop - session]
                torch.mul(after_.unsqueeze(1), factor_, out=g_rzqh_)
                torch.addmm(g_h_, g_rzq_, u, out=before_)
            g_n[block] *= after
        g_gates = flat.view(T * B, 4 * N)[:, : 3 * N]
        g_u, g_b_hidden = g_gates.t() @ h[:-1].view(T * B, N), g_gates.sum(0)
        g_gates[:, 2 * N :] = g_n.view(T * B, N)  # W acts on n directly, not through q
        g_w, g_b = g_gates.t() @ x.reshape(T * B, F), g_gates.sum(0)
        g_x = (g_gates @ w).view(T, B, F) if ctx.needs_input_grad[0] else None
        return g_x, g_w, g_u, g_b, g_b_hidden


_layer: Callable[..., tuple[Tensor, Tensor]] = _Layer.apply


def _sessions(*tensors: Tensor, backward: bool = False) -> Any:
    """The tensors' parts of each session, first to last or last to first."""
    parts = zip(*(tensor.unbind(0) for tensor in tensors), strict=True)
    return reversed(list(parts)) if backward else parts
