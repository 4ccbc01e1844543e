"""Contexts of wound/wait mutexes: their age, and the order of their lives."""

import pytest

from mpkernel.panic import KernelPanic
from mpkernel.sched.ww_context import WwClass, WwContext
from mpkernel.sync import ranks
from mpkernel.sync.lockdep import report
from tests.support import lockdep
from tests.support.kernel import kernel


def test_who_begins_first_is_older_and_a_context_lives_once():
    with kernel() as k:
        kind = WwClass(ranks.unranked("ww"), ranks.unranked("ww context"))
        first, second = (WwContext.at(k.scratch(WwContext.SIZE)) for _ in range(2))

        async def body() -> None:
            first.init(kind)
            assert first.is_open
            first.done()
            assert not first.is_open
            first.fini()
            second.init(kind)
            assert first.is_older(second)
            assert not second.is_older(first)
            second.fini()  # an attempt may be given up before it is done
            with lockdep.expected() as found:
                with pytest.raises(KernelPanic, match="ended twice"):
                    second.fini()
                with pytest.raises(KernelPanic, match="done twice"):
                    second.done()
            assert set(found.kinds) == {report.MISUSE}

        k.spawn(0, body())
        k.run()
        assert len(k.results) == 1


def test_one_that_still_holds_locks_cannot_end():
    with kernel() as k:
        k.cpus[0].lockdep = None
        context = WwContext.at(k.scratch(WwContext.SIZE))

        async def body() -> None:
            context.init(WwClass(ranks.unranked("ww"), ranks.unranked("ww context")))
            context.acquired = 2
            with pytest.raises(KernelPanic, match="2 locks held"):
                context.fini()

        k.spawn(0, body())
        k.run()
        assert len(k.results) == 1
