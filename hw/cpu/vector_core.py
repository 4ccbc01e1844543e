"""A core that is on its own: events go through the interrupt table, HLT waits, nothing exits.

For bare images, and later for guests. ``run`` comes back only when the core can do nothing more by
itself: it halted with interrupts off, or it shut down.

    before each entry to native code: INIT, NMI, timer, interrupts, if nothing holds them off
    single step, breakpoints, shadows of STI and MOV SS: one instruction at a time

Spec: AMD64 APM vol. 2, 8.1, 8.5, 13.1; 14.1.3 (state after RESET and INIT).
State: CpuState, the local APIC, PENDING. Context: the core's own process.
"""

import ctypes
from typing import Any, Final

from iced_x86 import MemorySizeExt, Mnemonic

from hw import clock, ram
from hw.cpu import debug_registers, halt, interrupt_delivery, mode, msr, segmentation
from hw.cpu.core import Core
from hw.cpu.debug_registers import DR6_FIXED, DR6_STEP, DR7_FIXED
from hw.cpu.exits import (
    EXIT_DEVICE,
    EXIT_EXCLUSIVE,
    EXIT_INTERRUPT,
    EXIT_NONE,
    EXIT_SINGLE,
    EXIT_TRACE,
    CpuException,
    CpuFault,
    Exit,
    Halted,
    IllegalInstruction,
    Interrupt,
    PageFault,
    Shutdown,
)
from hw.cpu.halt import HALTED_HLT
from hw.cpu.interrupt_delivery import ShutdownReachedError
from hw.cpu.operand_access import Operands
from hw.cpu.port_io import Ports
from hw.cpu.single_instructions import FetchFault
from hw.cpu.state import MODE_LEGACY, SEGMENT_NAMES
from hw.irq import apic_timer
from hw.irq.apic_state import DEADLINES
from hw.irq.local_apic import LOCAL_APICS
from hw.ram import PENDING_INTERRUPT
from hw.spec.apic import NMI_VECTOR
from hw.spec.descriptors import REAL_MODE, Descriptor
from hw.spec.registers import (
    CR0_CD,
    CR0_ET,
    CR0_NW,
    RFLAGS_FIXED,
    RFLAGS_IF,
    RFLAGS_RF,
    RFLAGS_TF,
)
from hw.spec.vectors import DEBUG, GENERAL_PROTECTION, INVALID_OPCODE, MACHINE_CHECK, PAGE_FAULT

_NOT_INTERRUPT: Final = (1 << 64) - 1 ^ PENDING_INTERRUPT
#: Kinds of shadow: after a load of SS debug traps wait, too.
_AFTER_STI: Final = 1
_AFTER_SS: Final = 2
_EXTENDED_SIGNATURE: Final = 0x0083_0F10


class VectorCore(Core):
    """One core in vector mode."""

    __slots__ = ("_apic", "_pending")

    def __init__(self, index: int, ports: Ports | None = None) -> None:
        super().__init__(index)
        if ports is not None:
            self.ports = ports
        self._apic: Final = LOCAL_APICS[index]
        self._pending: Final = ram.PENDING[index].bits
        self.power_on()

    def power_on(self) -> None:
        """Put all registers into their state after RESET."""
        state = self.state
        for number in range(16):
            state.gpr[number] = 0
        state.rdx = _EXTENDED_SIGNATURE
        state.vectors, state.cpl, state.rflags = 1, 0, RFLAGS_FIXED
        state.flag_kind = 0
        state.cr0, state.cr2, state.cr3, state.cr4 = CR0_CD | CR0_NW | CR0_ET, 0, 0, 0
        state.efer = 0
        for name in (*SEGMENT_NAMES, "ldtr", "tr"):
            segmentation.put(state, name, Descriptor(0, 0, 0xFFFF, REAL_MODE))
        state.ldtr_attributes, state.tr_attributes = 0x82, 0x8B
        state.gdtr_base = state.idtr_base = 0
        state.gdtr_limit = state.idtr_limit = 0xFFFF
        for number in range(6):
            state.dr[number] = 0
        state.dr[6], state.dr[7] = DR6_FIXED, DR7_FIXED
        state.shadow = state.careful = state.held = state.halted = 0
        state.nmi_masked = state.monitor = 0
        msr.reset(state)
        self.flush_tlb()
        mode.update(self)

    def start(self, selector: int, ip: int) -> None:
        """Begin in real mode at an address."""
        segmentation.put_real(self.state, "cs", selector)
        mode.update(self)
        mode.set_ip(self.state, ip)

    def run(self) -> Exit:
        """Run until the core cannot go on by itself.

        Raises:
            CoreReset: INIT reached this core.

        """
        state = self.state
        try:
            while True:
                self._take_events()
                if state.halted == HALTED_HLT and not state.rflags & RFLAGS_IF:
                    return Halted()
                if state.halted:
                    halt.sleep(self)
                elif state.careful or state.rflags & RFLAGS_TF:
                    self._step()
                else:
                    state.deadline_tsc = DEADLINES[self.index].tsc.load()
                    self._after(self.native.run(self.at))
        except ShutdownReachedError:
            return Shutdown()

    # -- events ---------------------------------------------------------------------------------

    def _take_events(self) -> None:
        """Deliver what asks for this core, if nothing holds it off; else remember that it does."""
        state = self.state
        if DEADLINES[self.index].tsc.load() <= clock.tsc():
            apic_timer.timer_poll(self.index)
        if not self._pending.load() & PENDING_INTERRUPT:
            return
        vector = None
        if not (state.nmi_masked or state.shadow == _AFTER_SS):
            vector = self._apic.accept_event()
        if vector is None and state.rflags & RFLAGS_IF and not state.shadow:
            vector = self._apic.accept()
        elif vector is None:
            self._pending.and_(_NOT_INTERRUPT)
            state.held = 1
        if vector is None:
            return
        state.halted = state.monitor = 0
        if vector == NMI_VECTOR:
            state.nmi_masked = 1
        try:
            interrupt_delivery.deliver(self, vector)
        except CpuFault as fault:
            interrupt_delivery.raise_fault(self, fault)

    def update_context(self) -> None:
        """Use the translations of this PCID, privilege and rules."""
        context = mode.context_of(self.state)
        if context != self.state.context:
            self.native.enter_context(self.at, context)

    def look_again(self) -> None:
        """Note that an interrupt which was held back may be taken now."""
        if self.state.held:
            self.state.held = 0
            self._pending.or_(PENDING_INTERRUPT)

    def be_careful(self) -> None:
        """Decide whether instructions go one at a time."""
        self.state.careful = int(bool(self.state.shadow) or debug_registers.is_armed(self))

    def begin_shadow(self, *, stack: bool = False) -> None:
        """Hold interrupts off for one instruction, after STI or (``stack``) a load of SS."""
        self.state.shadow = _AFTER_SS if stack else _AFTER_STI
        self.be_careful()

    # -- what ends native code --------------------------------------------------------------------

    def _after(self, reason: int) -> None:
        """Do what native code left for."""
        if reason == EXIT_TRACE:
            self._step()
        elif reason == EXIT_DEVICE:
            self._access_device()
        elif reason not in (EXIT_NONE, EXIT_INTERRUPT):
            self._deliver(self._handle(reason))

    def _refused(self, fault: CpuFault) -> Exit | None:
        if fault.vector != DEBUG:
            self.state.rflags |= RFLAGS_RF
        interrupt_delivery.raise_fault(self, fault)
        self._end_shadow()
        return None

    def _deliver(self, event: Exit | None) -> None:
        """Deliver an exception that an instruction raised."""
        match event:
            case None | Interrupt():
                return
            case PageFault(address, error):
                fault = CpuFault(PAGE_FAULT, error, address)
            case IllegalInstruction():
                fault = CpuFault(INVALID_OPCODE)
            case CpuException(vector, error):
                fault = CpuFault(vector, error)
            case _:
                raise AssertionError(f"{event} in vector mode")
        if fault.vector != DEBUG:
            self.state.rflags |= RFLAGS_RF
        interrupt_delivery.raise_fault(self, fault)
        self._end_shadow()

    def _end_shadow(self) -> None:
        if self.state.shadow:
            self.state.shadow = 0
            self.be_careful()
            self.look_again()

    def _access_device(self) -> None:
        """MOV between a register or immediate and a device's register."""
        state = self.state
        i = self.instruction_at(state.rip)
        if i.mnemonic != Mnemonic.MOV:
            self._deliver(CpuException(MACHINE_CHECK, 0))
            return
        op = Operands(self, i)
        size = MemorySizeExt.size(i.memory_size)
        value = i.immediate(1) if op.is_immediate(1) else op.read(1, size)
        op.write(0, size, value)
        mode.set_ip(state, mode.ip(state) + i.len)
        state.instructions += 1
        self.look_again()

    # -- one instruction at a time ----------------------------------------------------------------

    def _step(self) -> None:
        """Run one instruction; look for breakpoints before and after, and for the single step."""
        state = self.state
        shadow, single_step = state.shadow, state.rflags & RFLAGS_TF
        try:
            i = self.instruction_at(state.rip)
            self._check_fetch(i)
        except FetchFault as fault:
            self._deliver(fault.exit)
            return
        except CpuFault as fault:
            self._deliver(CpuException(fault.vector, fault.error))
            return
        if not state.rflags & RFLAGS_RF and shadow != _AFTER_SS:
            hit = debug_registers.at_instruction(self, state.rip)
            if hit:
                state.rflags |= RFLAGS_RF
                state.dr[6] |= hit
                interrupt_delivery.raise_fault(self, CpuFault(DEBUG))
                return
        touched = debug_registers.at_operands(self, i)
        resumes = state.rflags & RFLAGS_RF
        before, rip, left = state.instructions, state.rip, state.rcx
        self._run_one()
        repeats = state.rip == rip and state.rcx != left and i.is_string_instruction
        if state.instructions == before and not repeats:
            return
        if resumes and not repeats and i.mnemonic not in _SETTING_RF:
            state.rflags &= ~RFLAGS_RF
        if shadow and state.shadow == shadow:
            self._end_shadow()
        bits = touched | (DR6_STEP if single_step and not _skips_step(i) else 0)
        if bits and state.shadow != _AFTER_SS:
            interrupt_delivery.debug_trap(self, bits)

    def _check_fetch(self, i: Any) -> None:
        """#GP of an instruction beyond its segment's limit."""
        state = self.state
        if state.mode & MODE_LEGACY and mode.ip(state) + max(i.len, 1) - 1 > state.cs_limit:
            raise CpuFault(GENERAL_PROTECTION)

    def _run_one(self) -> None:
        code = self._single_block(self.state.rip)
        self._private = ctypes.create_string_buffer(code, len(code))
        trapping = self.state.rflags & RFLAGS_TF
        self.state.rflags &= ~RFLAGS_TF
        reason = self.native.run_one(self.at, ctypes.addressof(self._private))
        self.state.rflags |= trapping
        if reason in (EXIT_SINGLE, EXIT_EXCLUSIVE):
            self._deliver(self._run_alone())
        else:
            self._after(reason)


_SETTING_RF: Final = frozenset((Mnemonic.IRET, Mnemonic.IRETD, Mnemonic.IRETQ))


def _skips_step(i: Any) -> bool:
    """Software interrupts clear TF before the trap would come."""
    return i.mnemonic in (Mnemonic.INT, Mnemonic.INT3, Mnemonic.INTO, Mnemonic.INT1)
