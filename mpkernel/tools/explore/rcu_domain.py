"""RCU in a scenario: the kernel's own grace periods, over the scenario's cores.

    with s.rcu.read(): address = s.rcu.follow(s.first)     # any core
    s.rcu.publish(s.first, new.phys)
    s.rcu.call(lambda: free(old))                          # or: await s.rcu.wait()

A core is quiescent between two turns of its task, when its program has ended, and where it says so.

State: the kernel's, in RAM; the functions given to ``call`` are private to one run.
Context: mpkernel.tools.explore.
"""

from collections.abc import Callable
from typing import Final

from hw.spec.watch import PLACE
from mpkernel.sched import grace_period
from mpkernel.sync import rcu
from mpkernel.sync.rcu import RcuHead
from mpkernel.tools.explore.baton import Baton

#: The number of what ``rcu.call`` runs here.
_FUNCTION: Final = 99


class RcuDomain:
    """What ``k.rcu()`` gives."""

    __slots__ = ("_place",)

    read = staticmethod(rcu.read)
    follow = staticmethod(rcu.follow)
    publish = staticmethod(rcu.publish)
    wait = staticmethod(grace_period.passed)
    quiescent = staticmethod(rcu.quiescent)

    def __init__(self, place: Callable[[type[RcuHead]], RcuHead]) -> None:
        self._place = place
        grace_period.init()

    def call(self, function: Callable[[], None]) -> None:
        """Run a function, on this core, once no reader of before is left."""
        functions = _functions()
        functions.append(function)
        rcu.call(self._place(RcuHead), _FUNCTION, len(functions) - 1)


def _functions() -> list[Callable[[], None]]:
    """What the run at hand has given to ``call``."""
    baton = PLACE.observer
    assert isinstance(baton, Baton)
    return baton.rcu_functions


def _run(number: int) -> None:
    _functions()[number]()


rcu.FUNCTIONS.add(_FUNCTION, _run)
rcu.ENDED.fill(grace_period.ended)
