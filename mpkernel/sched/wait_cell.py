"""Wait cell: a value that is set once, for which any number of tasks may wait, before or after.

    address = await cell.wait()         # any number of tasks
    cell.set(address)                   # once, from any context; False the second time

And the channel for one value from one sender to one receiver: like the cell, but the sender may go
without sending, which ends the wait with EPIPE instead of leaving it for ever.

State: RAM. Locks: WaitQueue.lock. Context: waiting, task, sleeps; setting and sending, any.
"""

from typing import Final

from hw.spec.layout import Layout, layout
from mpkernel.abi.errno import Errno, SysError
from mpkernel.sched.wait_queue import WaitQueue
from mpkernel.sync.once import OnceCell

#: What an OnceChannel's sender leaves if it goes without sending: no value of the channel is that.
DROPPED: Final = (1 << 64) - 1


@layout(size=72)
class WaitCell(Layout):
    """An integer or address, and those who wait for it."""

    cell: OnceCell
    queue: WaitQueue

    def init(self) -> None:
        """Empty, and nobody waits. Before anyone else can see it."""
        self.cell.init()
        self.queue.init()

    def set(self, value: int) -> bool:
        """Set the value and wake all who wait; False if it was set before."""
        if not self.cell.set(value):
            return False
        self.queue.wake_all()
        return True

    def get(self) -> int | None:
        """The value, None while there is none."""
        return self.cell.get()

    async def wait(self, *, interruptible: bool = False) -> int:
        """Sleep until there is a value.

        Raises:
            Interrupted: a signal came first (only if ``interruptible``).
        """
        await self.queue.wait_until(self.cell.is_set, interruptible=interruptible)
        return self.cell.value.load()


@layout(size=72)
class OnceChannel(WaitCell):
    """One value, from one sender to one receiver."""

    def send(self, value: int) -> None:
        """Give the receiver its value. Once, and not after ``drop``."""
        assert value != DROPPED
        sent = self.set(value)
        assert sent, "a once channel is sent to twice"

    def drop(self) -> None:
        """The sender goes; if it has not sent, the receiver learns that nothing will come."""
        self.set(DROPPED)

    async def receive(self, *, interruptible: bool = False) -> int:
        """Sleep until the value comes.

        Raises:
            SysError: EPIPE, the sender has gone without sending.
            Interrupted: a signal came first (only if ``interruptible``).
        """
        value = await self.wait(interruptible=interruptible)
        if value == DROPPED:
            raise SysError(Errno.EPIPE)
        return value
