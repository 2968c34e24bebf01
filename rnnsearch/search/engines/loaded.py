"""What workers need, loaded once by the process that they are forked from, whose memory they share.

LLVM's library is some 50 MB of a process that loads it itself.
"""

import contextlib

import rnnsearch.search.trial.runner

with contextlib.suppress(ImportError, OSError):  # torch trains then: see `model.kernels.cache`
    import rnnsearch.model.kernels.training  # noqa: F401
