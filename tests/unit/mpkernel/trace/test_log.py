"""The log: a ring that keeps the newest bytes."""

from mpkernel.arch import power
from mpkernel.trace import log
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
