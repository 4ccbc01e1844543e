"""How a finding reads."""

from mpkernel.tools.detector.finding import DEADLOCK, Finding


def test_text_has_the_innermost_calls_of_each_stack():
    stacks = {"CPU 0": [f"file.py:{n} f" for n in range(40)], "CPU 1": []}
    lines = Finding(DEADLOCK, "CPU 0 and CPU 1", ("CPU 0 waits",), stacks).text().splitlines()
    assert lines[:3] == [
        "mpkernel: deadlock: CPU 0 and CPU 1",
        "  CPU 0 waits",
        "  CPU 0 stands at",
    ]
    assert lines[3] == "    file.py:0 f"
    assert len(lines) == 3 + 12 + 1
    assert lines[-1] == "  CPU 1 does not answer"
