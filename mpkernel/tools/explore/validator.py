"""The kernel's lock validator in a rig: it learns from all schedules, and a report ends one.

What it has learnt stays from schedule to schedule, as it does from call to call in a kernel that
runs: an order seen in one and its inverse in another are a finding. ``forget`` makes it new.

State: the ledger, and the private part of each CPU's validator. Context: mpkernel.tools.explore.
"""

from collections.abc import Callable, Sequence

from mpkernel.arch.cpu import Cpu
from mpkernel.sync.lockdep import records, report, stacks
from mpkernel.sync.lockdep.hooks import Lockdep
from mpkernel.sync.lockdep.report import Report
from mpkernel.tools.explore.finding import REPORT, Failure


class Validator(Lockdep):
    """The validator of one CPU, which hands its reports to ``found``."""

    def __init__(self, this: Cpu, found: Callable[[Failure], None]) -> None:
        super().__init__(this)
        self._found = found

    def tell(self, finding: Report, about: Sequence[object]) -> None:
        """Hand over what was not found before."""
        if report.is_new(finding.kind, about):
            finding.cpu = self.cpu
            finding.stack = stacks.lines(stacks.capture())
            text = f"{finding.kind}: {finding.what}"
            self._found(Failure(REPORT, f"core{self.cpu}", text, finding.text()))


class Validators:
    """Those of all CPUs of a rig."""

    def __init__(self, found: Callable[[Failure], None]) -> None:
        self._found = found
        self._of: list[Validator] = []

    def watch(self, cpus: Sequence[Cpu]) -> None:
        """Begin a run on new CPUs, with what was learnt before."""
        if not self._of:
            self._of = [Validator(cpu, self._found) for cpu in cpus]
        for cpu, validator in zip(cpus, self._of, strict=True):
            validator.abandon()
            cpu.lockdep = validator

    def forget(self) -> None:
        """Have learnt nothing."""
        records.forget()
        self._of = []
