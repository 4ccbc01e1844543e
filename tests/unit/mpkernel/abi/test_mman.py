"""Constants of memory calls are the host's."""

from mpkernel.abi import mman
from tests.support.host_headers import differing


def test_constants_are_the_hosts():
    assert not differing(mman, ["linux/mman.h"], without={"PROT_MASK"})
    assert mman.PROT_MASK == 7
