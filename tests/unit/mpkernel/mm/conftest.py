"""One kernel CPU with managed memory, for the tests of mm."""

from collections.abc import Iterator

import pytest

from tests.support.kernel_cpu import KernelCpu, kernel_cpu


@pytest.fixture
def kernel() -> Iterator[KernelCpu]:
    """32 MiB, one CPU."""
    with kernel_cpu() as cpu:
        yield cpu
