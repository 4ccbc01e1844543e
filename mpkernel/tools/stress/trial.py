"""One trial: a machine that works as planned, disturbed and watched, and a verdict.

    python -m mpkernel.tools.stress.trial PLAN     a process of its own; the plan as JSON

It writes lines of JSON to standard output: how far it is, and last the result.

State: private to the launcher, which this process becomes. Context: a process without threads.
"""

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from guests.image import root_image
from hw.cpu import threaded
from hw.machine import Machine
from hw.machine_config import DiskConfig, MachineConfig, PortConfig
from mpkernel.arch import remote_call
from mpkernel.boot.parameters import BootParameters
from mpkernel.fs.char_device import CHAR_DEBUG, CHAR_DEVICES
from mpkernel.irq.vectors import KERNEL_VECTORS
from mpkernel.sync.lockdep.report import all_reports
from mpkernel.tools.detector.finding import DEADLOCK, Finding
from mpkernel.tools.detector.watcher import Watcher
from mpkernel.tools.stress import invariants, kernel_work
from mpkernel.tools.stress.injection import Injection
from mpkernel.tools.stress.plan import Plan, Result

_LOOK_NS: Final = 20_000_000
_SAY_EVERY_S: Final = 0.25
_DISK_BYTES: Final = 4 << 20
_STATUS_LOST: Final = 71


class StressWatcher:
    """Disturbs the machine, looks whether all holds, and lets the kernel's watcher look."""

    interval_ns: Final = _LOOK_NS

    def __init__(self, plan: Plan, result: Result) -> None:
        self.injection = Injection(plan.inject, plan.seed, plan.duration_s)
        self._result = result
        self._watcher = Watcher(on_finding=self._found)
        self._began = time.monotonic()
        self._next_word = 0.0
        self.looks = 0

    def look(self) -> int | None:
        """As hw.supervisor.Watcher."""
        self.looks += 1
        self.injection.step()
        self._result.problems += invariants.violations()
        now = time.monotonic()
        if now >= self._next_word:
            self._next_word = now + _SAY_EVERY_S
            _say({"elapsed": now - self._began, "looks": self.looks})
        return self._watcher.look()

    def end(self) -> None:
        """The machine has ended; its memory is still there."""
        result = self._result
        self.injection.end()
        result.seconds = time.monotonic() - self._began
        result.counts = kernel_work.counts() | {
            "looks": self.looks,
            "disturbances": self.injection.count,
        }
        for sections in self._watcher.longest_sections_ns():
            for kind, ns in sections.items():
                result.longest_ms[kind] = max(result.longest_ms.get(kind, 0.0), ns / 1e6)
        result.problems += [f"lockdep: {one.kind}: {one.what}" for one in all_reports()]
        if self.injection.killed is None and invariants.frames_unaccounted():
            result.problems.append(
                f"{invariants.frames_unaccounted()} frames are not accounted for"
            )

    def _found(self, finding: Finding) -> None:
        self._result.problems.append(finding.text())
        if finding.kind == DEADLOCK:
            self.injection.end()


def run(plan: Plan) -> Result:
    """Run a trial. Once a process."""
    CHAR_DEVICES.add(CHAR_DEBUG, kernel_work.StressDevice())
    KERNEL_VECTORS.add(kernel_work.STRESS_VECTOR, kernel_work.interrupt_arrives)
    remote_call.FUNCTIONS.add(kernel_work.STRESS_CALL, kernel_work.call_arrives)
    threaded.load()
    from mpkernel.boot.start import kernel_entry  # noqa: PLC0415  the last: no more statics

    result = Result(plan.seed)
    with tempfile.TemporaryDirectory() as folder:
        disk = Path(folder) / "disk"
        disk.write_bytes(bytes(_DISK_BYTES))
        with (Path(folder) / "console").open("w+b") as console, Path("/dev/null").open() as null:
            config = MachineConfig(
                cpus=plan.cpus,
                disks=(DiskConfig(root_image(), private=True), DiskConfig(disk)),
                ports=(PortConfig("console", null.fileno(), console.fileno(), is_console=True),),
                cmdline=BootParameters(log_level="error", init_args=("-c", plan.script())).encode(),
                timeout_s=3 * plan.duration_s + 60,
            )
            watcher = StressWatcher(plan, result)
            result.status = Machine(config, watcher).run(kernel_entry, at_end=watcher.end)
            console.seek(0)
            text = console.read().decode("utf-8", "replace")
    _judge(result, text, watcher.injection.killed)
    return result


def _judge(result: Result, console: str, killed: int | None) -> None:
    """Whether it ended as it should."""
    expected = 0 if killed is None else _STATUS_LOST
    if result.status != expected:
        result.problems.append(f"the machine ended with status {result.status}, not {expected}")
        result.problems += [line for line in console.splitlines() if "fails" in line]
    for line in console.splitlines():
        name, *rest = line.split()[:3] if line.endswith(" rounds") else [""]
        if rest and rest[0].isdigit():
            key = f"rounds of {name}"
            result.counts[key] = result.counts.get(key, 0) + int(rest[0])
    result.passed = not result.problems


def _say(words: dict[str, float]) -> None:
    print(json.dumps(words), flush=True)  # noqa: T201  what the parent reads


def main() -> None:
    """Run the plan of the first argument."""
    result = run(Plan.decode(sys.argv[1]))
    print(json.dumps({"result": json.loads(result.encode())}), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
