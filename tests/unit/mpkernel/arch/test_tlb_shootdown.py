"""Shootdown: who must be waited for, and that nobody enters user mode with old translations."""

from collections.abc import Iterator

import pytest

from hw.irq.party import MODE_HALTED, MODE_KERNEL, MODE_USER, PARTIES
from mpkernel.arch import ipi, tlb_shootdown, user_access
from mpkernel.arch.cpu import Cpu, use_cpu
from mpkernel.arch.tlb_shootdown import CPUS, TlbSpace
from mpkernel.mm import address_space
from tests.support.kernel_cpu import KernelCpu, kernel_cpu

pytestmark = pytest.mark.feature("D7")


class FakeState:
    """The one register that the shootdown reads."""

    def __init__(self) -> None:
        self.cr3 = 0


class FakeCore:
    """Counts what it is told to forget."""

    def __init__(self) -> None:
        self.state = FakeState()
        self.context = 0
        self.flushed: list[int | None] = []

    def set_address_space(self, cr3: int, context: int) -> None:
        self.state.cr3 = cr3
        self.context = context
        self.flushed.append(None)

    def renew_context(self, context: int) -> None:
        self.context = context
        self.flushed.append(None)

    def flush_page(self, page: int) -> None:
        self.flushed.append(page)

    def rename_context(self, context: int) -> None:
        self.context = context


@pytest.fixture
def kernel() -> Iterator[KernelCpu]:
    with kernel_cpu(cpus=4) as cpu:
        yield cpu


def cpu_with_core(index: int) -> tuple[Cpu, FakeCore]:
    core = FakeCore()
    return Cpu(index, core), core  # type: ignore[arg-type]


def test_a_cpu_flushes_when_the_generation_changed_and_only_then(kernel: KernelCpu) -> None:
    zero, core = cpu_with_core(0)
    use_cpu(zero)
    space = address_space.create().phys
    tlb_shootdown.enter_space(space)
    assert core.flushed == [None]
    assert core.state.cr3 == TlbSpace.at(space).root
    tlb_shootdown.leave_user()
    tlb_shootdown.enter_space(space)
    assert core.flushed == [None]
    tlb_shootdown.leave_user()
    tlb_shootdown.flush(space)
    tlb_shootdown.enter_space(space)
    assert core.flushed == [None, None]


def test_one_page_costs_the_initiator_no_whole_flush(kernel: KernelCpu) -> None:
    zero, core = cpu_with_core(0)
    use_cpu(zero)
    space = address_space.create().phys
    tlb_shootdown.enter_space(space)
    tlb_shootdown.leave_user()
    tlb_shootdown.flush(space, 0x1000)
    tlb_shootdown.enter_space(space)
    assert core.flushed == [None, 0x1000]


def test_a_space_at_the_address_of_a_dead_one_is_another(kernel: KernelCpu) -> None:
    zero, core = cpu_with_core(0)
    use_cpu(zero)
    first = address_space.create()
    tlb_shootdown.enter_space(first.phys)
    tlb_shootdown.leave_user()
    address_space.put(first)
    second = address_space.create()
    assert second.phys == first.phys
    tlb_shootdown.enter_space(second.phys)
    assert core.flushed == [None, None]


@pytest.mark.parametrize(
    ("mode", "other_space", "copying", "is_waited_for"),
    [
        (MODE_USER, False, False, True),
        (MODE_KERNEL, False, False, False),
        (MODE_HALTED, False, False, False),
        (MODE_USER, True, False, False),
        (MODE_KERNEL, False, True, True),
    ],
)
def test_only_users_of_the_space_are_interrupted_and_waited_for(
    kernel: KernelCpu,
    monkeypatch: pytest.MonkeyPatch,
    *,
    mode: int,
    other_space: bool,
    copying: bool,
    is_waited_for: bool,
) -> None:
    space, other = address_space.create().phys, address_space.create().phys
    one, _ = cpu_with_core(1)
    use_cpu(one)
    tlb_shootdown.enter_space(space)
    if other_space:
        tlb_shootdown.enter_space(other)
    PARTIES[1].mode.store(mode)
    if copying:
        tlb_shootdown.begin_copy(space)
    sent: list[int] = []

    def answer(target: int) -> None:
        """CPU 1 takes the interrupt: leaves user mode, ends its copy."""
        sent.append(target)
        PARTIES[target].mode.store(MODE_KERNEL)
        CPUS.of(target).copying.store(0)

    monkeypatch.setattr(ipi, "send_tlb_flush", answer)
    zero, _ = cpu_with_core(0)
    use_cpu(zero)
    tlb_shootdown.flush(space)
    assert sent == ([1] if is_waited_for else [])


def test_copies_are_announced_and_end(kernel: KernelCpu, monkeypatch: pytest.MonkeyPatch) -> None:
    space = address_space.create()
    seen = []
    real = tlb_shootdown.end_copy

    def observe() -> None:
        seen.append(CPUS.of(0).copying.value)
        real()

    monkeypatch.setattr(tlb_shootdown, "end_copy", observe)
    assert user_access.copy_in(space.phys, 0x1000, 8) == b""
    assert user_access.copy_out(space.phys, 0x1000, b"12345678") == 0
    assert seen == [space.phys, space.phys]
    assert CPUS.of(0).copying.value == 0
