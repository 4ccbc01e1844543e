"""Memory comes back: programs started and ended, over and over, leave no frame and no object.

A slab stays a slab, and how many objects live at once depends on how the CPUs' work falls together:
so frames are compared without slabs, and slabs by the objects in use.
"""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROUND = "hello | cat > /dev/null\nforktest 4 > /dev/null\nthreads counter 100\nmapfile /etc/motd\n"
REPORT = "cat /proc/meminfo\ncat /proc/slabinfo\n"


def _kib(text: str, name: str) -> list[int]:
    return [int(kib) for kib in re.findall(rf"^{name}: *(\d+) kB$", text, re.MULTILINE)]


def test_ended_programs_leave_no_memory_behind() -> None:
    script = ROUND * 3 + REPORT + ROUND * 10 + REPORT + "exit 3\n"
    command = [sys.executable, "-m", "mpkernel", "boot", "--cpus", "2", "--timeout", "100"]
    done = subprocess.run(
        command, cwd=ROOT, input=script, capture_output=True, text=True, timeout=110, check=False
    )
    assert done.returncode == 3, done.stderr
    free, slabs = _kib(done.stdout, "MemFree"), _kib(done.stdout, "Slab")
    assert len(free) == len(slabs) == 2
    assert free[0] + slabs[0] == free[1] + slabs[1], done.stdout
    objects = re.findall(r"^(\w+) +(\d+) +\d+ +\d+ +\d+ +\d+$", done.stdout, re.MULTILINE)
    half = len(objects) // 2
    assert dict(objects[:half]).keys() >= {"task", "process", "vma", "inode", "file"}
    assert objects[:half] == objects[half:]
