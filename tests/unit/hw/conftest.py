"""A board for the tests of its parts."""

from collections.abc import Iterator

import pytest

from hw.machine_config import MachineConfig
from hw.spec.memory_map import MIB
from tests.support.board import powered_board


@pytest.fixture
def board() -> Iterator[None]:
    """Four cores, 32 MiB, a console and entropy, no disk."""
    with powered_board(MachineConfig(cpus=4, ram_bytes=32 * MIB)):
        yield
