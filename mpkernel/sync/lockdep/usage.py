"""Usage: whether locks are taken in interrupts, and whether these may come while one is held.

    bit = 4 * context + 2 * (interrupts may come while it is held) + (shared)

USED and MAY_COME of the same context do not go together, for one lock or along a strong path from
the USED to the MAY_COME: a CPU that holds the latter is interrupted and waits for the former, whose
holder waits for the latter. Two readers go together.

Spec: Linux, Documentation/locking/lockdep-design.rst. State: none. Context: any.
"""

from collections.abc import Iterable
from typing import Final

from mpkernel.sync.lockdep.graph import ClassNode
from mpkernel.sync.lockdep.search import Reached

HARD: Final = 0
DEFERRED: Final = 1
CONTEXTS: Final = (HARD, DEFERRED)
CONTEXT_NAMES: Final = ("interrupts", "deferred work")


def used(context: int, *, is_shared: bool) -> int:
    """Bit: taken in that context."""
    return 1 << (4 * context + is_shared)


def may_come(context: int, *, is_shared: bool) -> int:
    """Bit: that context may come while it is held."""
    return 1 << (4 * context + 2 + is_shared)


def context_of(bit: int) -> int:
    """The context that a usage bit is about."""
    return (bit.bit_length() - 1) // 4


def is_used(bit: int) -> bool:
    """Whether a bit says "taken in", rather than "may come"."""
    return not (bit.bit_length() - 1) & 2


def contrary(bit: int) -> int:
    """Bits that do not go together with ``bit`` for the same lock."""
    number = bit.bit_length() - 1
    context, is_shared = number // 4, number & 1
    other = may_come if is_used(bit) else used
    bits = other(context, is_shared=False)
    return bits if is_shared else bits | other(context, is_shared=True)


def name_of(bit: int) -> str:
    """A usage in words."""
    what = CONTEXT_NAMES[context_of(bit)]
    how = " shared" if (bit.bit_length() - 1) & 1 else ""
    return f"taken{how} in {what}" if is_used(bit) else f"held{how} while {what} may come"


def letters(usage: int) -> str:
    """Four letters for hard, hard shared, deferred, deferred shared: . - + ? as Linux prints them.

    ``.`` neither, ``-`` taken in it, ``+`` it may come, ``?`` both.
    """
    text = ""
    for context in CONTEXTS:
        for is_shared in (False, True):
            is_in = bool(usage & used(context, is_shared=is_shared))
            comes = bool(usage & may_come(context, is_shared=is_shared))
            text += ".-+?"[is_in + 2 * comes]
    return text


def first_used(reached: Iterable[Reached], context: int) -> Reached | None:
    """The nearest class that is taken in a context, so that it matters along its path."""
    return _first(reached, used(context, is_shared=False), used(context, is_shared=True))


def first_may_come(reached: Iterable[Reached], context: int) -> Reached | None:
    """The nearest class that a context may interrupt, so that it matters along its path."""
    return _first(reached, may_come(context, is_shared=False), may_come(context, is_shared=True))


def _first(reached: Iterable[Reached], always: int, unless_weak: int) -> Reached | None:
    for one in reached:
        if one.node.usage.value & (always if one.is_weak else always | unless_weak):
            return one
    return None


def bit_for(node: ClassNode, context: int, *, is_used_one: bool) -> int:
    """The usage bit that a class has of a context, the exclusive one first."""
    bits = used if is_used_one else may_come
    exclusive = bits(context, is_shared=False)
    return exclusive if node.usage.value & exclusive else bits(context, is_shared=True)
