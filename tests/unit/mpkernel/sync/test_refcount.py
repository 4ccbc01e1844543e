"""Reference counts refuse what would free an object twice."""

import pytest

from mpkernel.panic import KernelPanic
from mpkernel.sync.refcount import Refcount
from tests.support.kernel import kernel


def test_last_put_says_so_and_none_rises_from_zero():
    with kernel() as k:
        count = Refcount.at(k.scratch(4))
        count.store(1)
        count.get()
        assert count.get_unless_zero()
        assert [count.put(), count.put(), count.put()] == [False, False, True]
        assert not count.get_unless_zero()
        with pytest.raises(KernelPanic, match="gone"):
            count.get()
        count.store(0)
        with pytest.raises(KernelPanic, match="twice"):
            count.put()
