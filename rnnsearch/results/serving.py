"""The name under which earlier versions registered champions: `rnnsearch.publish.pyfunc` now."""

from rnnsearch.publish.pyfunc import _load_pyfunc as _load_pyfunc
