"""A machine with one core for the tests of this folder."""

from collections.abc import Iterator

import pytest

from hw.cpu import threaded
from tests.differential.guest import Guest


@pytest.fixture(scope="session", autouse=True)
def _native_code() -> None:
    threaded.load()


@pytest.fixture(scope="module")
def guest() -> Iterator[Guest]:
    machine = Guest()
    yield machine
    machine.close()
