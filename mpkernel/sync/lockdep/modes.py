"""How a lock is taken, in one integer: its kind, how it is shared, whether its taker waits.

    mode = kind | EXCLUSIVE, SHARED or RECURSIVE | TRY   acquire(addr, key, SPIN | TRY)
    key  = LockClass.id | subclass << SUBCLASS_SHIFT   acquire(addr, key + nested(1), SPIN)

A kind's wait types (after Linux's lockdep) say what its waiters do to their CPU, ``outer``, and
what may still be waited for while it is held, ``inner``. A lock may be taken if its outer type does
not exceed the inner type of anything held.

State: none (constants). Context: any.
"""

from dataclasses import dataclass
from typing import Final

# How it is shared.
EXCLUSIVE: Final = 0  #: nobody else may have it
SHARED: Final = 1  #: with other readers; a reader queues behind a waiting writer
RECURSIVE: Final = 2  #: with other readers, also past a waiting writer
SHARING: Final = 3  #: mask of the three

#: Taken only if it is free: the taker does not wait.
TRY: Final = 1 << 2

SUBCLASS_SHIFT: Final = 16
SUBCLASSES: Final = 8
#: In a key: not the lock of a wait queue, but the event for which it is there.
EVENT: Final = 1 << 24

# Wait types, from the most to the least demanding context.
WAIT_ANY: Final = 0  #: no rule: not really waited for
WAIT_FREE: Final = 1  #: never waits (RCU readers)
WAIT_RAW: Final = 2  #: spins with interrupts off: also in the scheduler and in handlers
WAIT_SPIN: Final = 3  #: spins
WAIT_SLEEP: Final = 4  #: sleeps


@dataclass(frozen=True)
class Kind:
    """A kind of lock."""

    name: str
    outer: int  #: WAIT_*: what its waiters do
    inner: int  #: WAIT_*: what may be waited for while it is held
    is_checked: bool = True  #: whether its order counts: a thing nobody waits for has none
    is_per_cpu: bool = False  #: its holders on two CPUs do not meet: carries no interrupt inversion


_SHIFT: Final = 3
_KINDS: Final = (
    Kind("spinlock", WAIT_SPIN, WAIT_SPIN),
    Kind("raw spinlock", WAIT_RAW, WAIT_RAW),
    Kind("rwlock", WAIT_SPIN, WAIT_SPIN),
    Kind("local lock", WAIT_SPIN, WAIT_SPIN, is_per_cpu=True),
    Kind("mutex", WAIT_SLEEP, WAIT_SLEEP),
    Kind("rt-mutex", WAIT_SLEEP, WAIT_SLEEP),
    Kind("ww-mutex", WAIT_SLEEP, WAIT_SLEEP),
    Kind("ww-context", WAIT_ANY, WAIT_ANY),
    Kind("rw-semaphore", WAIT_SLEEP, WAIT_SLEEP),
    Kind("completion", WAIT_SLEEP, WAIT_SLEEP),
    Kind("reclaim scope", WAIT_ANY, WAIT_ANY),
    Kind("RCU", WAIT_FREE, WAIT_SPIN, is_checked=False),
    Kind("RCU-bh", WAIT_FREE, WAIT_SPIN, is_checked=False),
    Kind("RCU-sched", WAIT_FREE, WAIT_RAW, is_checked=False),
)
(
    SPIN,
    RAW_SPIN,
    RWLOCK,
    LOCAL,
    MUTEX,
    RT_MUTEX,
    WW_MUTEX,
    WW_CONTEXT,
    RWSEM,
    COMPLETION,
    RECLAIM,
    RCU,
    RCU_BH,
    RCU_SCHED,
) = (place << _SHIFT for place in range(len(_KINDS)))


def kind_of(mode: int) -> Kind:
    """The kind of lock that a mode is about."""
    return _KINDS[mode >> _SHIFT]


def nested(subclass: int) -> int:
    """What is added to a lock's key to take it as one of another level of its class."""
    return subclass << SUBCLASS_SHIFT
