"""Vectors: handed out once, taken back, named."""

from collections.abc import Iterator

import pytest

from mpkernel.abi.errno import SysError
from mpkernel.arch.vectors import DEVICE_FIRST, DEVICE_LAST, VECTOR_SPURIOUS
from mpkernel.irq import vectors
from tests.support.device_kernel import DeviceKernel, device_kernel

pytestmark = pytest.mark.feature("B3")

HANDLER = 90


@pytest.fixture
def kernel() -> Iterator[DeviceKernel]:
    with device_kernel() as kernel:
        yield kernel


def test_vectors_are_handed_out_once_and_taken_back(kernel: DeviceKernel) -> None:
    vectors.HANDLERS.add(HANDLER, vectors.Handler("test", lambda _: None))
    count = DEVICE_LAST - DEVICE_FIRST + 1
    given = [vectors.request_vector(HANDLER, n) for n in range(count)]
    assert given == list(range(DEVICE_FIRST, DEVICE_LAST + 1))
    with pytest.raises(SysError, match="ENOSPC"):
        vectors.request_vector(HANDLER)
    vectors.free_vector(given[5])
    assert vectors.name_of(given[5]) is None
    assert vectors.request_vector(HANDLER) == given[5]
    assert vectors.name_of(given[5]) == "test"
    assert vectors.name_of(VECTOR_SPURIOUS) == "spurious"
