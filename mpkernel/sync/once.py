"""Once cell: a value that is made once, by whoever needs it first; all others get that one.

    root = ROOT.get_or_make(read_root)

The maker is found by compare-and-set, so it is one, however many CPUs come at the same time; the
others spin until the value is there. If the maker fails, the cell is empty again: the next tries.

    state: EMPTY -> MAKING | CPU -> READY
                 <- SysError

State: RAM. Locks: none. Context: any; ``make`` must not sleep, and not ask for the same cell.
"""

from collections.abc import Callable
from typing import Final

from hw.spec.layout import Layout, layout
from mpkernel.abi.errno import SysError
from mpkernel.arch.atomics import AtomicU64
from mpkernel.arch.cpu import cpu
from mpkernel.arch.spin_loop import relax
from mpkernel.panic import panic

EMPTY: Final = 0
READY: Final = 1
#: With the CPU's number: who makes the value.
MAKING: Final = 1 << 8


@layout(size=16)
class OnceCell(Layout):
    """An integer, or the address of an object, that is set once. Zeroed memory is an empty cell."""

    state: AtomicU64
    value: AtomicU64

    def init(self) -> None:
        """Empty."""
        self.state.store(EMPTY)

    def is_set(self) -> bool:
        """Whether the value is there, for good."""
        return self.state.load() == READY

    def get(self) -> int | None:
        """The value, None while there is none."""
        return self.value.load() if self.is_set() else None

    def set(self, value: int) -> bool:
        """Set the value; False if somebody else has, or is about to."""
        if self.state.cas(EMPTY, MAKING | cpu().number) != EMPTY:
            return False
        self._publish(value)
        return True

    def get_or_make(self, make: Callable[[], int]) -> int:
        """The value, made by ``make`` if nobody has yet.

        Raises:
            SysError: ``make`` did, and the cell is as empty as before.
        """
        mine = MAKING | cpu().number
        turn = 0
        while (state := self.state.cas(EMPTY, mine)) != EMPTY:
            if state == READY:
                return self.value.load()
            if state == mine:
                panic(f"once cell {self.phys:#x} is needed to make its own value")
            relax(turn)
            turn += 1
        try:
            value = make()
        except SysError:
            self.state.store(EMPTY)
            raise
        self._publish(value)
        return value

    def _publish(self, value: int) -> None:
        self.value.store(value)
        self.state.store(READY)
