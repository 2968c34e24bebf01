"""Training and forecasting on a CPU without torch's operators, several times as fast.

A kernel is a function that LLVM compiles on the user's machine, once, from code that Python writes.
The windows of a batch lie in the lanes of the processor's vectors; sums stay in registers.

- `codegen`: the kernels, as code that LLVM compiles
- `making`, `cache`: their compilation in a process of its own, and where it is kept
- `layout`: where a network's weights lie
- `program`: kernels one after the other, checked once, run without Python
- `fold`, `training`: a network in training, which `model.training` asks for what torch does not do
"""
