"""The device process's word of work."""

import pytest

from hw.bus import device_work

pytestmark = pytest.mark.usefixtures("board")


def test_bits_are_kept_until_taken():
    device_work.take()
    device_work.post(3)
    device_work.post(3)
    device_work.post(device_work.HPET_BIT)
    assert device_work.take() == 1 << 3 | 1 << device_work.HPET_BIT
    assert device_work.take() == 0
