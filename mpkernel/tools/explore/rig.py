"""The rig: a scenario on a machine in this process, run again and again, each time from the start.

A core whose program is a plain function runs it as it is; an ``async def`` is a kernel task, which
the real scheduler leaves, wakes and runs again on its core.

State: private, and a machine's memory. Context: mpkernel.tools.explore.
"""

import gc
import inspect
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from hw.spec.watch import PLACE, Observer
from mpkernel.arch import interrupts, remote_call
from mpkernel.arch.cpu import Cpu, use_cpu
from mpkernel.arch.cpu import cpu as running_cpu
from mpkernel.arch.one_process import Interrupts, Machine
from mpkernel.arch.timer import NEVER
from mpkernel.arch.vectors import VECTOR_CALL, VECTOR_RESCHEDULE, VECTOR_TIMER
from mpkernel.sched import run_queue, switch, tick, timer
from mpkernel.sched.run_queue import RUN_QUEUES
from mpkernel.sched.task import Task, set_name
from mpkernel.sched.wakeup import start
from mpkernel.sync import rcu
from mpkernel.tools.explore import stuck
from mpkernel.tools.explore.baton import Baton, Looker, Strand
from mpkernel.tools.explore.finding import RACE, Failure
from mpkernel.tools.explore.kit import VECTOR_IPI, VECTOR_IRQ, Kit
from mpkernel.tools.explore.names import Names
from mpkernel.tools.explore.racecheck import Race, RaceCheck
from mpkernel.tools.explore.scenario import BadScenario, Program, Scenario
from mpkernel.tools.explore.validator import Validators

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mpkernel.tools.explore.strategies.strategy import Strategy

#: Steps after which a schedule is said never to end.
MOST_STEPS: Final = 20_000


class ProgramEnd(BaseException):
    """Raised through the scheduler by a task whose program has ended: nothing follows."""


@dataclass
class Run:
    """One schedule and what came of it."""

    trace: list[int]
    failure: Failure | None
    names: list[str]  #: of strands
    is_redundant: bool


class Rig:
    """A machine for one scenario."""

    def __init__(
        self,
        scenario: Scenario,
        *,
        most_steps: int = MOST_STEPS,
        racecheck: bool = False,
        lockdep: bool = True,
    ) -> None:
        self.scenario = scenario
        self._racecheck = racecheck
        self._lockdep = lockdep
        self._most_steps = most_steps
        self._machine = Machine(scenario.core_count)
        for cpu in self._machine.cpus:
            use_cpu(cpu)
            run_queue.init(cpu.index)
            timer.init(cpu.index)
            RUN_QUEUES.of(cpu.index).is_online = 1
            rcu.CPUS.of(cpu.index).is_idle.store(1)
        self._machine.keep()
        self._validators = Validators(self._found)
        self._runs = 0
        self._baton: Baton | None = None
        self.kit: Kit
        self.objects: Any = None

    def close(self) -> None:
        """Unmap the machine."""
        PLACE.observer = Observer()
        self._machine.close()

    def run(self, strategy: "Strategy", looker: Looker | None = None) -> Run:
        """Run the scenario once, from its setup to its check.

        Raises:
            BadScenario: setup fails.
        """
        baton = PLACE.observer = self._baton = Baton(strategy, self._most_steps)
        self._runs += 1
        if looker is not None:
            baton.lookers.append(looker)
        try:
            self._prepare(baton)
            self._let_run(baton)
            if baton.failure is None and not baton.is_redundant:
                baton.failure = self._check(baton)
            strategy.end(baton)
        finally:
            self._end(baton)
        names = [strand.name for strand in baton.strands]
        return Run(baton.trace, baton.failure, names, baton.is_redundant)

    def forget(self) -> None:
        """Let the validator have seen no schedule."""
        self._validators.forget()

    def _found(self, failure: Failure) -> None:
        """The validator has a report."""
        assert self._baton is not None
        self._baton.fail(failure)

    def progress(self) -> int:
        """A number that grows with every step and every run."""
        steps = len(self._baton.trace) if self._baton is not None else 0
        return (self._runs << 32) + steps

    def _prepare(self, baton: Baton) -> None:
        """A fresh machine, the scenario's objects, and a strand for each program."""
        machine, scenario = self._machine, self.scenario
        machine.renew()
        self.kit = Kit(machine, scenario)
        if self._lockdep:
            self._validators.watch(machine.cpus)
        use_cpu(machine.cpus[0])
        try:
            self.objects = scenario.setup(self.kit)
        except BaseException as error:
            raise BadScenario(
                f"{scenario.path}: setup fails: {type(error).__name__}: {error}"
            ) from error
        for cpu in machine.cpus:
            cpu.interrupt_handler = self._handle
        if self._racecheck:
            self._watch_for_races(baton)
        for index, program in scenario.cores.items():
            cpu = machine.cpus[index]
            body = self._task(cpu, program) if inspect.iscoroutinefunction(program) else None
            baton.add(f"core{index}", cpu, body or self._plain(program))
        for index in scenario.handlers:
            if index not in scenario.cores:
                baton.add(f"core{index}", machine.cpus[index], self._plain(_nothing))
        for index in scenario.irqs:
            apic = machine.interrupts[index]
            baton.add(f"irq{index}", machine.cpus[index], _sender(apic))

    def _watch_for_races(self, baton: Baton) -> None:
        """Have a race end the run."""
        scenario, names = self.scenario, Names(self)

        def found(race: Race) -> None:
            strands = [strand.name for strand in baton.strands]
            who = f"{strands[race.first.strand]} {strands[race.second.strand]}"
            baton.fail(Failure(RACE, who, *race.told(strands, names.name(race.address))))

        count = len({*scenario.cores, *scenario.handlers}) + len(scenario.irqs)
        check = RaceCheck(count, found)
        baton.lookers.append(lambda strand, *access: check.look(strand.index, *access))

    def _let_run(self, baton: Baton) -> None:
        """All steps; when nobody can run, the soonest timer fires."""
        while True:
            baton.run()
            if baton.failure is not None or baton.is_redundant:
                return
            waiting = [strand for strand in baton.strands if not strand.is_done]
            deadline, index = self._machine.next_deadline()
            if not waiting:
                return
            if deadline == NEVER:
                baton.failure = stuck.explain(self, waiting)
                return
            baton.late_ns += max(deadline - baton.now_ns(), 0)
            self._machine.fire_timer(index)
            baton.pend(index)

    def _check(self, baton: Baton) -> Failure | None:
        """What ``check`` says at the end."""
        use_cpu(self._machine.cpus[0])
        try:
            self.scenario.check(self.kit, self.objects)
        except BaseException as error:  # noqa: BLE001  whatever the check raises is the finding
            return Failure.of_exception("check", error)
        return baton.failure

    def _end(self, baton: Baton) -> None:
        """Leave nothing that still runs."""
        for cpu in self._machine.cpus:
            cpu.lockdep = None
        baton.close()
        for cpu in self._machine.cpus:
            use_cpu(cpu)
            for coroutine in cpu.coroutines.values():
                try:
                    coroutine.close()
                except BaseException:  # noqa: BLE001  its locks are gone anyhow
                    continue
            cpu.coroutines.clear()

    # -- bodies of strands -----------------------------------------------------------------------

    def _plain(self, program: Program) -> Callable[[Strand], None]:
        def body(strand: Strand) -> None:
            self._begin_rcu()
            program(self.kit, self.objects)
            strand.is_done = True
            self._idle(strand)

        return body

    def _task(self, cpu: Cpu, program: Program) -> Callable[[Strand], None]:
        """The scheduler's loop over one task."""
        use_cpu(cpu)
        task = self.kit.place(Task)
        task.affinity = 1 << cpu.index
        task.tid = cpu.index + 1
        set_name(task, f"core{cpu.index}")
        task.in_kernel = 1

        async def kernel_work() -> None:
            await program(self.kit, self.objects)
            raise ProgramEnd

        cpu.coroutines[task.phys] = kernel_work()
        start(task, cpu.index)
        first = switch.pick()
        assert first is not None

        def body(strand: Strand) -> None:
            ready: Task | None = first
            self._begin_rcu()
            try:
                while True:
                    if ready is None:
                        self._halt(strand.cpu)
                    else:
                        strand.cpu.area.current = ready.phys
                        switch.step(ready, strand.cpu.coroutines.pop(ready.phys))
                    self._pass_scheduler()
                    ready = switch.pick()
            except ProgramEnd:
                strand.is_done = True
            self._idle(strand)

        return body

    def _idle(self, strand: Strand) -> None:
        """A core whose program has ended still takes interrupts, if there can be any."""
        cpu = strand.cpu
        cpu.area.current = 0
        while cpu.index in self.scenario.handlers or self.kit.rcu_domain is not None:
            self._pass_scheduler()
            self._halt(cpu)

    def _begin_rcu(self) -> None:
        """The core's program begins: it may look at what RCU guards."""
        if self.kit.rcu_domain is not None:
            rcu.idle_exit()

    def _pass_scheduler(self) -> None:
        """What the scheduler's loop does before it picks a task."""
        interrupts.safepoint()
        if self.kit.rcu_domain is not None:
            rcu.quiescent()

    def _halt(self, cpu: Cpu) -> None:
        """What it does when there is none (sched.idle)."""
        uses_rcu = self.kit.rcu_domain is not None
        if uses_rcu:
            rcu.idle_enter()
        if not uses_rcu or not cpu.area.need_resched:
            PLACE.observer.halt(cpu.index, NEVER)
        if uses_rcu:
            rcu.idle_exit()
        cpu.area.need_resched = 0

    def _handle(self, vector: int) -> None:
        """What a core does about an interrupt."""
        cpu = running_cpu()
        if vector in (VECTOR_IPI, VECTOR_IRQ):
            scenario = self.scenario
            handler = scenario.irqs.get(cpu.index) if vector == VECTOR_IRQ else None
            (handler or scenario.handlers[cpu.index])(self.kit, self.objects)
        elif vector == VECTOR_TIMER:
            tick.timer_interrupt()
        elif vector == VECTOR_RESCHEDULE:
            cpu.area.need_resched = 1
        elif vector == VECTOR_CALL:
            remote_call.serve()


def _sender(apic: Interrupts) -> Callable[[Strand], None]:
    """The strand of an interrupt from outside: it sends one."""
    return lambda _: apic.post(VECTOR_IRQ)


def _nothing(_kit: Kit, _objects: Any) -> None:
    """The program of a core that only takes interrupts."""


@contextmanager
def rig(
    scenario: Scenario,
    *,
    most_steps: int = MOST_STEPS,
    racecheck: bool = False,
    lockdep: bool = True,
) -> "Iterator[Rig]":
    """A rig for a while, without pauses for garbage."""
    made = Rig(scenario, most_steps=most_steps, racecheck=racecheck, lockdep=lockdep)
    gc.freeze()
    gc.disable()
    try:
        yield made
    finally:
        gc.enable()
        made.close()
