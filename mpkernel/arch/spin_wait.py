"""Waiting for a spinning lock, and giving it back while others wait.

Cores are processes, more than the host has CPUs, so a lock must not insist on a waiter that does
not run: whoever comes while the lock is free takes it. What keeps that fair and cheap:

- a waiter spins, then gives its host CPU away at each turn, then sleeps on its doorbell
  (``sleepers``, WAITERS); the owner who gives the lock back rings one of them, and no second one
  before that one has had its try (``rung``);
- the owner counts how often the lock was given back over sleepers (``overtaken``). The OVERTAKES-th
  time it goes to the next of them in turn, and to nobody else (HEIR). So a waiter that has said
  that it sleeps is overtaken at most OVERTAKES * CPUs times.

No ring is lost. The waiter: name itself in ``sleepers``, forget rings, say so in ``rung``, set
WAITERS and see the lock taken, sleep. The owner: free the word, ring. An owner that sees no
sleepers looks once more after that, because it takes WAITERS away.

State: SpinCell. Locks: none. Context: any, preemption off.
"""

from typing import Final

from hw.clock import host_tsc
from mpkernel.arch import halt, interrupts, waits_for
from mpkernel.arch.cpu import Cpu, cpu
from mpkernel.arch.spin_code import HEIR, HEIR_SHIFT, OWNER, WAITERS, SpinCell
from mpkernel.arch.spin_loop import relax

#: Turns of a waiter before it sleeps. It gives its host CPU away after
#: spin_loop.SPINS_BEFORE_YIELD.
TURNS_BEFORE_SLEEP: Final = 40
#: Times that a lock is given back over sleepers before it is given to one.
OVERTAKES: Final = 64


def try_take(cell: SpinCell, this: Cpu) -> bool:
    """Take the cell if it is free or left to this CPU; waiters' flags stay."""
    word = cell.word
    seen = word.value
    if not _is_free(seen, this.number):
        return False
    if word.cas(seen, seen & WAITERS | this.number) != seen:
        return False
    cell.since = host_tsc()
    return True


def wait(cell: SpinCell) -> None:
    """Take a cell that was not free. Preemption is off already."""
    this = cpu()
    begun = host_tsc()
    cell.contended += 1
    waits_for.begin(waits_for.SPIN, cell.phys)
    turn = 0
    while not try_take(cell, this):
        relax(turn)
        turn += 1
        if turn > TURNS_BEFORE_SLEEP:
            _sleep(cell, this)
    if turn > TURNS_BEFORE_SLEEP:
        cell.sleepers.and_(~(1 << this.index))
        cell.rung.cas(this.number, 0)
        interrupts.ask_again()
    waits_for.end()
    this.count_wait(cell.key & 0xFFFF, host_tsc() - begun)


def give_over(cell: SpinCell) -> None:
    """Give back a cell with WAITERS set. Preemption stays off."""
    sleepers = cell.sleepers.value
    if not sleepers:
        cell.word.xchg(0)
        for index in _bits(cell.sleepers.load()):
            halt.ring(index)
        return
    chosen = _next(sleepers, cell.last_heir)
    cell.overtaken += 1
    if cell.overtaken >= OVERTAKES:
        cell.overtaken = 0
        cell.last_heir = chosen + 1
        cell.word.xchg((chosen + 1) << HEIR_SHIFT | WAITERS)
        halt.ring(chosen)
        return
    is_ringing = cell.rung.cas(0, chosen + 1) == 0
    cell.word.xchg(WAITERS)
    if is_ringing:
        halt.ring(chosen)


def _is_free(word: int, number: int) -> bool:
    return not word & OWNER and word & HEIR in (0, number << HEIR_SHIFT)


def _sleep(cell: SpinCell, this: Cpu) -> None:
    """Sleep, unless the cell is free by now."""
    cell.sleepers.or_(1 << this.index)
    halt.forget_rings()
    cell.rung.cas(this.number, 0)  # after that: a ring that was forgotten must not count as given
    if not _is_free(cell.word.or_(WAITERS), this.number):
        halt.nap()


def _next(mask: int, last: int) -> int:
    """The lowest bit of ``mask`` from bit ``last`` on, around to the start."""
    chosen = mask >> last << last or mask
    return (chosen & -chosen).bit_length() - 1


def _bits(mask: int) -> list[int]:
    return [index for index in range(mask.bit_length()) if mask >> index & 1]
