"""Scopes of allocation: they nest, stay with the task, and tell the validator of reclaim."""

import pytest

from mpkernel.sched import scopes
from mpkernel.sched.mutex import Mutex
from mpkernel.sched.wait_queue import give_up_cpu
from mpkernel.sync import ranks
from mpkernel.sync.lockdep import report
from tests.support import lockdep
from tests.support.kernel import Kernel, kernel


def test_scopes_nest_and_stay_with_the_task_that_sleeps():
    with kernel() as k:
        seen = []

        async def inside() -> None:
            with scopes.nofs():
                seen.append(scopes.allowed())
                with scopes.noio():
                    await give_up_cpu()
                    seen.append(scopes.allowed())
                seen.append(scopes.allowed(scopes.NOFS))
            seen.append(scopes.allowed())

        async def outside() -> None:
            seen.append(("other", scopes.allowed()))

        k.spawn(0, inside())
        k.spawn(0, outside())
        k.run()
        assert seen == [
            scopes.NOFS, ("other", scopes.KERNEL), scopes.NOIO, scopes.NOFS, scopes.KERNEL
        ]  # fmt: skip


def reports_of(k: Kernel, wanted: int, *, in_scope: bool) -> list[str]:
    """What is reported when reclaim takes a mutex over which an allocation was made."""
    mutex = Mutex.at(k.scratch(Mutex.SIZE))
    mutex.init(ranks.unranked(f"fs{wanted}{in_scope}"))

    async def body() -> None:
        with scopes.reclaim():
            async with mutex:
                pass
        async with mutex:
            if in_scope:
                with scopes.nofs():
                    scopes.may_reclaim(wanted)
            else:
                scopes.may_reclaim(wanted)

    k.spawn(0, body())
    with lockdep.expected() as found:
        k.run()
    return found.kinds


@pytest.mark.parametrize(
    ("wanted", "in_scope", "reports"),
    [
        (scopes.KERNEL, False, [report.CIRCULAR]),
        (scopes.KERNEL, True, []),
        (scopes.NOFS, False, []),
    ],
)
def test_an_allocation_over_a_lock_that_reclaim_takes_is_found(wanted, in_scope, reports):
    with kernel() as k:
        assert reports_of(k, wanted, in_scope=in_scope) == reports


def test_reclaim_that_allocates_as_if_it_might_reclaim_is_found():
    with kernel() as k:

        async def body() -> None:
            with scopes.reclaim():
                scopes.may_reclaim(scopes.NOFS)
                with scopes.nofs():
                    scopes.may_reclaim()
                scopes.may_reclaim()

        k.spawn(0, body())
        with lockdep.expected() as found:
            k.run()
        assert found.kinds == [report.RECURSION]
