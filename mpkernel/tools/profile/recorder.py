"""py-spy beside a machine: a recorder a process, from its start to its end.

State: private to the launcher; the recorders are its children. Context: the launcher.
"""

import shutil
import subprocess
import sysconfig
import tempfile
import time
from pathlib import Path
from typing import Final, Self

from hw.irq.party import DEVICE_PARTY, PARTIES, core_count, name_of
from hw.supervisor import Watcher
from mpkernel.tools.profile.samples import Samples

RATE: Final = 100
#: How long recorders may take to write what they have when the machine has ended.
_PATIENCE_S: Final = 15.0


class ProfileError(Exception):
    """No profile can be made; the text is one line that says what to do."""


def find_py_spy() -> str:
    """Return the program py-spy.

    Raises:
        ProfileError: it is not installed.
    """
    beside = Path(sysconfig.get_path("scripts")) / "py-spy"
    found = str(beside) if beside.exists() else shutil.which("py-spy")
    if found is None:
        raise ProfileError("profiles need py-spy: pip install mpkernel[profile]")
    return found


class Recorder:
    """A watcher that also records, until ``duration_s`` is over if there is one."""

    def __init__(self, watcher: Watcher, duration_s: float | None = None) -> None:
        self._py_spy = find_py_spy()
        self._watcher = watcher
        self._duration_s = duration_s
        self._began = time.monotonic()
        self._folder = tempfile.TemporaryDirectory()
        self._recorders: dict[str, subprocess.Popen[str]] = {}
        self.samples = Samples(RATE)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for recorder in self._recorders.values():
            recorder.kill()
            recorder.communicate()
        self._folder.cleanup()

    @property
    def interval_ns(self) -> int:
        """As hw.supervisor.Watcher."""
        return self._watcher.interval_ns

    def look(self) -> int | None:
        """As hw.supervisor.Watcher; the machine ends with status 0 when time is over."""
        if not self._recorders:
            self._began = time.monotonic()
            self._start()
        if self._duration_s is not None and time.monotonic() - self._began > self._duration_s:
            return 0
        return self._watcher.look()

    def collect(self) -> None:
        """Take what was recorded. When the machine has ended, once.

        Raises:
            ProfileError: that is nothing.
        """
        is_refused = False
        deadline = time.monotonic() + _PATIENCE_S
        for party, recorder in self._recorders.items():
            try:
                _, said = recorder.communicate(timeout=max(deadline - time.monotonic(), 0.1))
            except subprocess.TimeoutExpired:
                recorder.kill()
                _, said = recorder.communicate()
            file = self._file_of(party)
            if file.exists():
                self.samples.add(party, file.read_text().splitlines())
            elif "ermission" in said or "ptrace" in said:
                is_refused = True
        self._recorders = {}
        if is_refused:
            raise ProfileError(
                "py-spy may not look at other processes here: run as root, "
                "or set kernel.yama.ptrace_scope to 0"
            )
        if not self.samples.total():
            raise ProfileError("nothing was recorded: the machine ended too soon, or only slept")

    def _start(self) -> None:
        for party in (*range(core_count()), DEVICE_PARTY):
            name = name_of(party)
            self._recorders[name] = subprocess.Popen(
                [
                    self._py_spy, "record", "--pid", str(PARTIES[party].pid), "--format", "raw",
                    "--rate", str(RATE), "--duration", "unlimited", "--function", "--nonblocking",
                    "--output", str(self._file_of(name)),
                ],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                text=True,
            )  # fmt: skip

    def _file_of(self, party: str) -> Path:
        return Path(self._folder.name) / party.replace(" ", "-")
