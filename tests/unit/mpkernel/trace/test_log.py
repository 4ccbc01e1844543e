"""The log: a ring that keeps the newest bytes."""

import re

import pytest

from hw.machine_config import MachineConfig
from hw.spec.memory_map import MIB
from mpkernel.arch import interrupts, ipi, power
from mpkernel.arch.cpu import Cpu, cpu, use_cpu
from mpkernel.panic import KernelPanic
from mpkernel.sched.run_queue import RUN_QUEUES
from mpkernel.trace import log
from tests.support.board import powered_board
from tests.support.core_processes import core_processes, run_cpus
from tests.support.kernel import kernel


def test_the_ring_keeps_the_newest_bytes_in_order():
    with kernel():
        for number in range(3000):
            log.info(f"line {number} " + "x" * (number % 50))
        held = log.read_all()
        assert len(held) == log.RING_BYTES
        numbers = [int(line.split(b"line ")[1].split()[0]) for line in held.splitlines()[1:]]
        assert numbers == list(range(numbers[0], 3000))


def test_lines_name_the_cpu_and_only_grave_ones_reach_the_console(monkeypatch):
    console = []
    monkeypatch.setattr(power, "debug_write", console.append)
    with kernel(2) as k:
        log.init(log.WARNING)
        k.use(1)
        for level in (log.error, log.warning, log.info, log.debug):
            level(level.__name__)
        assert log.read_all().count(b"cpu 1: ") == 4
        assert [line.split(b"cpu 1: ")[1] for line in console] == [b"error\n", b"warning\n"]


@pytest.mark.feature("E8", "FIX-1")
def test_handlers_and_tasks_of_all_cores_print_and_no_line_is_broken():
    with core_processes(4) as k:

        def handler(_vector: int) -> None:
            log.info("from a handler")
            apic = cpu().apic
            assert apic is not None
            apic.eoi()

        def work(index: int) -> None:
            cpu().interrupt_handler = handler
            for turn in range(120):
                log.info(f"from a task, line {turn}")
                ipi.send_reschedule((index + 1 + turn) % 4)
                interrupts.safepoint()

        run_cpus(k, work)
        lines = log.read_all().splitlines()
        whole = re.compile(rb"\[ +\d+\.\d{6}\] cpu (\d): from a (?:handler|task, line (\d+))")
        matches = [whole.fullmatch(line) for line in lines]
        assert all(matches)
        told = [(match[1], match[2]) for match in matches if match and match[2]]
        assert len(set(told)) == len(told) == 480
        assert len(lines) > len(told)


@pytest.mark.feature("E9")
def test_the_log_works_first_and_what_is_used_too_early_says_its_name():
    with powered_board(MachineConfig(cpus=1, ram_bytes=32 * MIB)):
        use_cpu(Cpu(0))
        log.init(log.ERROR)
        log.info("before anything else")
        assert log.read_all().endswith(b"cpu 0: before anything else\n")
        with pytest.raises(AssertionError, match="per-CPU data with preemption on"):
            RUN_QUEUES.this()
        with pytest.raises(KernelPanic, match="a lock is used before init"):
            RUN_QUEUES.of(0).lock.acquire()
        cpu().area.preempt_count = 0
