"""A core: runs user code until an Exit.

    core = Core(index)
    core.set_address_space(cr3)
    core.state.rip, core.state.rsp = entry, stack
    while True:
        match core.run():
            case Syscall(): ...

``run`` enters the native loop; it comes back for the rare things that Python does (decode, CPUID,
instructions that must run alone) and for exits. Between two runs all of the state is in
``core.state`` and may be changed at will; a new cr3 goes through ``set_address_space``.

State: CpuState, in board memory. Locks: see hw.cpu.exclusive.
Context: the core's own process; ``threaded.load`` was called before the fork.
"""

from hw.cpu.block_decoding import BlockDecoding
from hw.cpu.exclusive import wait_until_free
from hw.cpu.exits import (
    EXIT_DECODE,
    EXIT_EXCEPTION,
    EXIT_HALTED,
    EXIT_HOT,
    EXIT_INTERRUPT,
    EXIT_PAGE_FAULT,
    EXIT_SYSCALL,
    EXIT_SYSTEM,
    INTERRUPT,
    SYSCALL,
    CpuException,
    CpuFault,
    Exit,
    PageFault,
)
from hw.cpu.regions import record as regions
from hw.cpu.single_instructions import FetchFault
from hw.spec.watch import PLACE, TAKING_TURNS


class Core(BlockDecoding):
    """One core of the machine, as its own process sees it."""

    __slots__ = ()

    def run(self) -> Exit:
        """Run from ``state.rip`` until something happens that the kernel must see."""
        while True:
            reason = self.native.run(self.at)
            if TAKING_TURNS:
                PLACE.observer.ran(self.index, self.state.instructions)
            if reason == EXIT_SYSCALL:
                return SYSCALL
            if reason == EXIT_INTERRUPT:
                return INTERRUPT
            result = self._handle(reason)
            if result is not None:
                return result

    def set_address_space(self, cr3: int, context: int = 0) -> None:
        """Load cr3; translations that were met in the same ``context``, not 0, are kept.

        A context is one state of one address space: where something was taken away it is another.
        """
        self.state.cr3 = cr3
        if context:
            self.native.enter_context(self.at, context)
        else:
            self.native.flush_all(self.at)

    def rename_context(self, context: int) -> None:
        """Give the context in use another number: what was taken away is dropped already."""
        self.state.context = self.state.bank_context[self.state.bank] = context

    def renew_context(self, context: int) -> None:
        """Go on in another context, in the place of the one in use, which nobody wants back."""
        state = self.state
        state.bank_flushes[state.bank] = state.flushes - 1
        self.rename_context(context)
        self.native.enter_context(self.at, context)

    def update_context(self) -> None:
        """Note that privilege or rules of translation changed."""
        self.flush_tlb()

    def flush_tlb(self) -> None:
        """Forget all translations."""
        self.native.flush_all(self.at)

    def flush_page(self, address: int) -> None:
        """Forget the translation of one page."""
        self.native.flush_page(self.at, address)

    def flush_local(self, mask: int, context: int) -> None:
        """Forget all but global translations of the contexts that agree in the bits of a mask."""
        self.native.flush_local(self.at, mask, context)

    def look_again(self) -> None:
        """Note that an interrupt which was held back may be taken now."""

    def be_careful(self) -> None:
        """Note that breakpoints were armed or disarmed."""

    def begin_shadow(self, *, stack: bool = False) -> None:
        """Hold interrupts off for one instruction, after STI or (``stack``) a load of SS."""

    def _handle(self, reason: int) -> Exit | None:  # noqa: PLR0911  one row an exit
        """Everything but system calls and interrupts; None to go on."""
        state = self.state
        if reason == EXIT_DECODE:
            return self._decode()
        if reason == EXIT_HOT:
            regions.request(state.exit_error, self.index, state.seen_epoch)
            return None
        if reason == EXIT_PAGE_FAULT:
            return PageFault(state.cr2, state.exit_error)
        if reason == EXIT_EXCEPTION:
            return CpuException(state.exit_vector, state.exit_error)
        if reason == EXIT_SYSTEM:
            return self._execute()
        if reason == EXIT_HALTED:
            wait_until_free(self.index)
            return None
        return self._handle_instruction(reason)

    def _execute(self) -> Exit | None:
        """Do the instruction at rip in Python."""
        from hw.cpu import system_instructions  # noqa: PLC0415  no program needs it, as a rule

        try:
            system_instructions.execute(self, self.instruction_at(self.state.rip))
        except FetchFault as fault:
            self.state.cr2 = fault.exit.address
            return fault.exit
        except CpuFault as fault:
            return self._refused(fault)
        self.state.instructions += 1
        return None
