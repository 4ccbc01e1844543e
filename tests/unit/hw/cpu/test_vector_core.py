"""A core on its own: reset, halt, single steps, interrupts held back."""

from hw import ram
from hw.cpu.exits import Halted, Shutdown
from hw.cpu.vector_core import VectorCore
from hw.irq import delivery
from hw.irq.local_apic import LOCAL_APICS
from hw.spec.apic import DELIVERY_FIXED, DELIVERY_NMI, LAPIC_SVR, SVR_ENABLE


def _handler(vector: int, code: str) -> None:
    """A real-mode handler at 0x2000 + 16 * vector."""
    place = 0x2000 + 16 * vector
    ram.write(4 * vector, place.to_bytes(4, "little"))
    ram.write(place, bytes.fromhex(code))


def test_state_after_reset(vector_core: VectorCore) -> None:
    vector_core.power_on()
    state = vector_core.state
    assert (state.cr0, state.rflags, state.efer, state.cr4) == (0x6000_0010, 2, 0, 0)
    assert (state.dr[6], state.dr[7], state.idtr_limit) == (0xFFFF_0FF0, 0x400, 0xFFFF)


def test_halt_with_interrupts_off(vector_core: VectorCore) -> None:
    ram.write(0x1000, bytes.fromhex("b80500faf4"))
    assert vector_core.run() == Halted()
    assert (vector_core.state.rax, vector_core.state.rip) == (5, 0x1005)


def test_an_interrupt_waits_for_sti_and_one_instruction_more(vector_core: VectorCore) -> None:
    """cli; inc ax; sti; inc ax; inc ax; hlt: the handler copies ax to bx."""
    state = vector_core.state
    LOCAL_APICS[0].write(LAPIC_SVR, SVR_ENABLE | 0xFF)
    _handler(0x40, "89c3faf4")
    ram.write(0x1000, bytes.fromhex("fa40fb4040f4"))
    state.rsp = 0x8000
    delivery.deliver(0, DELIVERY_FIXED, 0x40)
    assert vector_core.run() == Halted()
    assert state.rbx == 2


def test_nmi_ends_a_halt(vector_core: VectorCore) -> None:
    state = vector_core.state
    _handler(2, "bb3400cf")
    ram.write(0x1000, bytes.fromhex("faf4b90700f4"))
    state.rsp = 0x8000
    assert vector_core.run() == Halted()
    delivery.deliver(0, DELIVERY_NMI, 0)
    assert vector_core.run() == Halted()
    assert (state.rbx, state.rcx, state.nmi_masked) == (0x34, 7, 0)


def test_single_steps_are_counted(vector_core: VectorCore) -> None:
    """#DB adds 1 to bx after each of three instructions, until POPF clears TF."""
    state = vector_core.state
    _handler(1, "43cf")
    ram.write(0x1000, bytes.fromhex("6802019d9040906802009df4".replace(" ", "")))
    state.rsp = 0x8000
    assert vector_core.run() == Halted()
    assert state.rax == 1
    assert state.rbx == 5


def test_shutdown(vector_core: VectorCore) -> None:
    vector_core.state.idtr_limit = 0
    ram.write(0x1000, bytes.fromhex("cd21"))
    assert vector_core.run() == Shutdown()
