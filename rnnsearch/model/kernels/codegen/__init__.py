"""How is a kernel written, and compiled to machine code?

- `code`: the language that kernels are written in
- `widths`: AVX-512, AVX2, NEON
- `cells`, `layers`, `steps`: the kernels; a cell's gates, a layer, a training step around them
- `building`: all of them, compiled by LLVM to one object file
"""
