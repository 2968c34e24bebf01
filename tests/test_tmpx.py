import pytest
from tests.test_study import *
from tests.test_study import _inline
@inline
def test_x(tmp_path):
    path = write_study(tmp_path)
    import time
    a=time.time()
    store, notes = search(path, trials="1")
    print(notes.notices, time.time()-a)
    assert 0
