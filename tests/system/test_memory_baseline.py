"""Memory comes back: programs started and ended, over and over, leave no frame behind."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROUND = "hello | cat > /dev/null\nforktest 4 > /dev/null\nthreads counter 100\nmapfile /etc/motd\n"


def test_ended_programs_leave_no_memory_behind() -> None:
    script = ROUND * 3 + "free\n" + ROUND * 10 + "free\nexit 3\n"
    command = [sys.executable, "-m", "mpkernel", "boot", "--cpus", "2", "--timeout", "100"]
    done = subprocess.run(
        command, cwd=ROOT, input=script, capture_output=True, text=True, timeout=110, check=False
    )
    assert done.returncode == 3, done.stderr
    used = re.findall(r"^ *memory +(\d+) +(\d+)", done.stdout, re.MULTILINE)
    assert len(used) == 2
    assert used[0] == used[1], done.stdout
