"""Which device is chosen, and what torch is told about it."""

import os
import sys

import pytest
import torch

from rnnsearch.errors import StudyFileError
from rnnsearch.model.device import choose_device, describe, prepare_process


@pytest.fixture
def machine(monkeypatch):
    def with_devices(*, cards: int = 0, mps: bool = False) -> None:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: cards > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: cards)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)

    return with_devices


@pytest.fixture
def torch_restored(monkeypatch):
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    fill = torch.utils.deterministic.fill_uninitialized_memory
    yield
    torch.use_deterministic_algorithms(False)
    torch.utils.deterministic.fill_uninitialized_memory = fill
    os.environ.pop("CUBLAS_WORKSPACE_CONFIG", None)


@pytest.mark.parametrize(
    ("cards", "mps", "expected"), [(2, True, "cuda"), (0, True, "mps"), (0, False, "cpu")]
)
def test_auto_takes_cuda_then_mps_then_the_cpu(machine, cards, mps, expected):
    machine(cards=cards, mps=mps)
    assert choose_device("auto").type == expected


def test_a_device_by_name_is_taken(machine):
    machine(cards=2)
    assert choose_device("cuda:1") == torch.device("cuda:1")
    assert choose_device("cpu") == torch.device("cpu")


@pytest.mark.parametrize("wish", ["cuda:2", "mps", "gpu"])
def test_a_device_that_is_not_there_is_refused_with_a_remedy(machine, wish):
    machine(cards=2)
    with pytest.raises(StudyFileError, match=rf"'{wish}' is not .* cuda, cuda:0, cuda:1, cpu; use"):
        choose_device(wish)


@pytest.mark.usefixtures("torch_restored")
def test_a_process_for_a_gpu_has_one_thread_and_repeats_exactly():
    prepare_process(torch.device("cuda"))
    assert torch.get_num_threads() == 1
    assert torch.are_deterministic_algorithms_enabled()
    assert torch.is_deterministic_algorithms_warn_only_enabled()
    assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"


def test_a_description_is_plain_text_which_is_read_without_torch():
    described = describe(torch.device("cpu"), "float32")
    assert described["torch"] == torch.__version__
    assert {type(text) for text in described.values()} == {str}


@pytest.mark.usefixtures("torch_restored")
def test_a_process_for_a_cpu_has_one_thread_and_starts_quickly():
    prepare_process(torch.device("cpu"))
    assert torch.get_num_threads() == 1
    assert not torch.are_deterministic_algorithms_enabled()


@pytest.mark.skipif(sys.platform != "linux", reason="counts page faults as Linux does")
def test_a_process_keeps_the_memory_of_a_step_for_the_next():
    import resource

    prepare_process(torch.device("cpu"))
    faults = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        blocks = [torch.ones(2**20) for _ in range(5)]  # 20 MB
        del blocks
        faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
    assert min(faults) < 500  # of 5,000 pages
