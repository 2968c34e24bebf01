"""All kernels of a width, written and compiled to one object file's bytes."""

from collections.abc import Callable
from functools import partial
from typing import Any

from llvmlite import binding, ir

from rnnsearch.model.kernels.codegen import heads, layers, steps
from rnnsearch.model.kernels.codegen.cells import CELLS
from rnnsearch.model.kernels.codegen.code import Code, Kernel
from rnnsearch.model.kernels.codegen.widths import Width


def kernels(width: Width) -> dict[str, Kernel]:
    """The kernels by name; those of blocks end with the vectors of a block."""
    same = steps.same_sizes
    written = {
        "run": Kernel(steps.RUN, steps.run, same),
        "advance": Kernel(steps.ADVANCE, steps.advance, same),
        "multiply": Kernel(steps.MULTIPLY, steps.multiply, same),
        "adam": Kernel(steps.ADAM, steps.adam, same),
        "sgd": Kernel(steps.SGD, steps.sgd, same),
        "average": Kernel(steps.AVERAGE, steps.average, same),
    }
    for vectors in width.blocks:
        size = vectors * width.lanes
        for name, cell in CELLS.items():
            units = width.units[name]
            sizes = partial(layers.sizes, cell=cell, units=units, size=size)
            parts: dict[str, tuple[tuple[str, ...], Callable[..., None]]] = {
                "forward": (layers.FORWARD, layers.forward),
                "backward": (
                    layers.BACKWARD,
                    partial(layers.backward, outputs=width.outputs),
                ),
                "gradients": (layers.GRADIENTS, layers.gradients),
            }
            for part, (words, write) in parts.items():
                written[f"{name}_{part}_{vectors}"] = Kernel(
                    words, partial(write, cell=cell, units=units, vectors=vectors), sizes
                )
        for name, loss in heads.LOSSES.items():
            quantiles = name == "quantile"
            written[f"{name}_{vectors}"] = Kernel(
                heads.QUANTILE_HEAD if quantiles else heads.LOSS_HEAD,
                partial(heads.head, loss=loss, vectors=vectors, quantiles=quantiles),
                partial(heads.head_sizes, size=size, quantiles=quantiles),
            )
        around: dict[str, tuple[tuple[str, ...], Callable[..., None], Callable[..., Any]]] = {
            "gather": (steps.GATHER, steps.gather, steps.gather_sizes),
            "output": (heads.OUTPUT, heads.output, heads.head_sizes),
            "mask": (steps.MASK, steps.mask, steps.mask_sizes),
        }
        for name, (words, write, count) in around.items():
            written[f"{name}_{vectors}"] = Kernel(
                words, partial(write, vectors=vectors), partial(count, size=size)
            )
    return written


def write(width: Width) -> ir.Module:
    """The code of all kernels."""
    module = ir.Module(name="kernels")
    module.triple = binding.get_process_triple()
    for name, kernel in kernels(width).items():
        code = Code(module, name, width.lanes)
        kernel.write(code)
        code.done()
    return module


def compile_kernels(width: Width, cpu: str, features: str) -> bytes:
    """An object file with all kernels of a width."""
    return compiled(write(width), cpu, features)


def compiled(code: ir.Module, cpu: str, features: str) -> bytes:
    """An object file for a processor that LLVM calls so, with these features."""
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    target = binding.Target.from_triple(binding.get_process_triple())
    machine = target.create_target_machine(
        cpu=cpu, features=features, opt=3, reloc="pic", codemodel="small", jit=True
    )
    module = binding.parse_assembly(str(code))
    module.verify()
    options = binding.create_pipeline_tuning_options(speed_level=2)
    options.loop_vectorization = options.slp_vectorization = False  # the vectors are written out
    options.loop_unrolling = False
    builder = binding.create_pass_builder(machine, options)
    builder.getModulePassManager().run(module, builder)
    object_file: bytes = machine.emit_object(module)
    return object_file
