"""MWAIT: what ends it, and that it sleeps until then."""

import os
import time
from collections.abc import Iterator

import pytest

from hw import clock, host, ram
from hw.cpu import halt
from hw.cpu.halt import HALTED_MWAIT, HALTED_MWAIT_MASKED
from hw.cpu.vector_core import VectorCore
from hw.irq import delivery, doorbell
from hw.irq.party import HEADER, PARTIES
from hw.spec.apic import DELIVERY_NMI

LINE = 0x5000


@pytest.fixture
def bell(vector_core: VectorCore) -> Iterator[None]:
    """What the core sleeps on."""
    clock.start()
    queue = host.create_queue(0)
    PARTIES[0].doorbell_fd = queue.mqd
    HEADER.launcher_pidfd = fd = host.own_pidfd()
    doorbell.prepare(0)
    yield
    queue.close()
    os.close(fd)


def test_a_store_before_the_wait_ends_it_at_once(vector_core: VectorCore) -> None:
    halt.arm(vector_core, LINE + 5)
    ram.write(LINE + 63, b"x")
    halt.wait(vector_core, masked=False)
    assert vector_core.state.halted == vector_core.state.monitor == 0


def test_nothing_is_waited_for_that_was_not_armed(vector_core: VectorCore) -> None:
    halt.wait(vector_core, masked=False)
    assert vector_core.state.halted == 0


def test_the_lines_beside_it_do_not_count(vector_core: VectorCore) -> None:
    halt.arm(vector_core, LINE)
    ram.write(LINE - 1, b"x")
    ram.write(LINE + 64, b"x")
    halt.wait(vector_core, masked=False)
    assert vector_core.state.halted == HALTED_MWAIT


@pytest.mark.usefixtures("bell")
def test_a_store_of_another_process_ends_the_wait_and_the_host_is_left_alone(
    vector_core: VectorCore,
) -> None:
    halt.arm(vector_core, LINE)
    halt.wait(vector_core, masked=False)
    pid = os.fork()
    if not pid:
        time.sleep(0.3)
        ram.write(LINE + 8, b"x")
        os._exit(0)
    began = time.process_time()
    while vector_core.state.halted:
        halt.sleep(vector_core)
    assert time.process_time() - began < 0.15
    assert os.waitpid(pid, 0)[1] == 0


def test_an_nmi_asks_for_the_core(vector_core: VectorCore) -> None:
    halt.arm(vector_core, LINE)
    halt.wait(vector_core, masked=False)
    delivery.deliver(0, DELIVERY_NMI, 0)
    halt.sleep(vector_core)
    assert vector_core.state.halted == HALTED_MWAIT  # it ends where the NMI is taken


@pytest.mark.parametrize(("masked", "ended"), [(True, True), (False, False)])
def test_a_held_back_interrupt_ends_it_if_asked(
    vector_core: VectorCore, masked: bool, ended: bool
) -> None:
    state = vector_core.state
    halt.arm(vector_core, LINE)
    halt.wait(vector_core, masked=masked)
    assert state.halted == (HALTED_MWAIT_MASKED if masked else HALTED_MWAIT)
    state.held = 1
    if not ended:
        ram.PENDING[0].bits.or_(ram.PENDING_INTERRUPT)
    halt.sleep(vector_core)
    assert (state.halted == 0) == ended
