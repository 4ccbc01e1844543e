"""A machine with one core; code and data are mapped at fixed addresses."""

from collections.abc import Iterator

import pytest

from hw.cpu import threaded
from tests.differential.guest import Guest


@pytest.fixture(scope="session", autouse=True)
def _native_code() -> None:
    threaded.load()


@pytest.fixture
def guest() -> Iterator[Guest]:
    machine = Guest()
    yield machine
    machine.close()
