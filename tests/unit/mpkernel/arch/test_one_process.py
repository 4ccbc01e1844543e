"""A machine whose CPUs share a process: memory that starts anew, interrupts that are sets."""

import pytest

from mpkernel.arch import ipi
from mpkernel.arch.atomics import AtomicU64
from mpkernel.arch.cpu import use_cpu
from mpkernel.arch.interrupts import safepoint
from mpkernel.arch.one_process import FREE_BASE, PENDING, Machine
from mpkernel.arch.vectors import VECTOR_CALL, VECTOR_RESCHEDULE, VECTOR_TIMER


@pytest.fixture
def machine():
    made = Machine(2)
    yield made
    made.close()


def test_an_ipi_sets_its_target_s_pending_word(machine: Machine):
    use_cpu(machine.cpus[0])
    ipi.send(1, VECTOR_RESCHEDULE)
    ipi.send(1, VECTOR_CALL)
    assert PENDING[1].bits.value
    assert not PENDING[0].bits.value
    taken: list[int] = []
    use_cpu(machine.cpus[1])
    machine.cpus[1].interrupt_handler = taken.append
    safepoint()
    assert taken == [VECTOR_CALL, VECTOR_RESCHEDULE]
    assert not PENDING[1].bits.value


def test_it_begins_anew(machine: Machine):
    cpu = machine.cpus[0]
    cpu.area.preempt_count = 1
    at = machine.reserve(8)
    AtomicU64.at(at).store(5)
    machine.interrupts[0].post(VECTOR_TIMER)
    machine.renew()
    assert machine.cpus[0] is not cpu
    assert machine.cpus[0].area.preempt_count == 0
    assert machine.reserve(8) == at == FREE_BASE
    assert AtomicU64.at(at).load() == 0
    assert not PENDING[0].bits.value


def test_what_is_kept_stays(machine: Machine):
    machine.cpus[1].area.current = 7
    machine.keep()
    machine.cpus[1].area.current = 8
    machine.renew()
    assert machine.cpus[1].area.current == 7
