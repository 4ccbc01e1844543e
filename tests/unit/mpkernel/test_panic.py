"""A panic is not an error that somebody may handle."""

from contextlib import suppress

import pytest

from mpkernel.panic import KernelPanic, panic


def test_no_handler_of_errors_catches_a_panic():
    with pytest.raises(KernelPanic, match="broken"), suppress(Exception):
        panic("broken")
