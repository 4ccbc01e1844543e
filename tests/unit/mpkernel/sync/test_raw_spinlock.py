"""Raw spinlocks: spinlocks that handlers which may not sleep may take."""

from mpkernel.sync import ranks
from mpkernel.sync.lockdep import report
from mpkernel.sync.raw_spinlock import RawSpinlock
from mpkernel.sync.spinlock import Spinlock
from tests.support import lockdep
from tests.support.kernel import kernel


def test_it_is_a_spinlock_inside_which_only_raw_ones_may_be_taken():
    with kernel() as k:
        raw, other, plain = (
            kind.at(k.scratch(kind.SIZE)) for kind in (RawSpinlock, RawSpinlock, Spinlock)
        )
        raw.init(ranks.unranked("raw"))
        other.init(ranks.unranked("other"))
        plain.init(ranks.unranked("plain"))
        with plain, raw, other:
            assert other.is_held()
        with lockdep.expected() as found, raw:
            assert plain.try_acquire()
            plain.release()
            plain.acquire()
            plain.release()
        assert report.CONTEXT in found.kinds
