"""``mpkernel explore``: a scenario under many schedules, in one process that is its whole machine.

The command begins anew with MPK_WATCH set, because that is read before the first layout
exists; with --jobs, several times, each over a part of the seeds.

State: none. Context: the host.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import click

from mpkernel.tools.explore.request import Request

#: Schedules that are tried unless told otherwise; dfs ends by itself.
SCHEDULES: Final = 1_000
DFS_SCHEDULES: Final = 100_000
#: Steps among which pct lets priorities change unless told otherwise.
PCT_LENGTH: Final = 60
_WATCH: Final = "MPK_WATCH"
STATUS_CLEAN: Final = 0
STATUS_FOUND: Final = 1
STATUS_BAD: Final = 2


@click.command(
    short_help="Find bad schedules of a scenario of locks.",
    epilog="""\b
Examples:
  mpkernel explore abba.py                          1,000 random schedules
  mpkernel explore abba.py --strategy dfs           all of them
  mpkernel explore abba.py --strategy replay --schedule '0*3 1*4'

\b
A scenario is a Python file:
  from types import SimpleNamespace
  def setup(k): return SimpleNamespace(lock=k.spinlock("lock"), n=k.cell())
  def core0(k, s):            # a core's program; async def if it sleeps
      with s.lock: s.n.value += 1
  core1 = core0
  def irq0(k, s): ...         # comes once, at any safepoint of core 0
  def check(k, s): assert s.n.value == 2
k makes spinlock, raw_spinlock, local_lock, rwlock, seqlock, mutex, rt_mutex,
ww_class, ww_mutex, ww_context, rwsem, semaphore, completion, wait_queue, rcu,
once, refcount, word (atomic) and cell (plain); k.relax(), k.safepoint(),
k.irqs_off(), k.irqs_on(), k.ipi(core).

\b
Status: 0 nothing found, 1 a finding, 2 a bad scenario.
""",
)
@click.argument("scenario", type=click.Path(path_type=Path))
@click.option(
    "--cores",
    type=click.IntRange(1, 64),
    help="Cores; those without a program of their own run core0's.",
)
@click.option(
    "--strategy",
    type=click.Choice(["random", "pct", "dfs", "replay"]),
    default="random",
    show_default=True,
    help="Who chooses the core that makes the next step.",
)
@click.option(
    "--seed",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Seed of the first schedule; the next has the next.",
)
@click.option(
    "--schedules",
    type=click.IntRange(1),
    help=f"How many at most ({SCHEDULES:,}; dfs {DFS_SCHEDULES:,}; replay 1).",
)
@click.option("--schedule", metavar="TURNS", help="replay: the schedule, as it was reported.")
@click.option(
    "--length",
    type=click.IntRange(1),
    default=PCT_LENGTH,
    show_default=True,
    help="pct: about how many steps a schedule has.",
)
@click.option(
    "--jobs",
    type=click.IntRange(1, 256),
    default=1,
    show_default=True,
    help="Processes that share the schedules.",
)
@click.option(
    "--no-lockdep",
    is_flag=True,
    help="Leave the lock validator off, so that deadlocks come to pass.",
)
@click.option(
    "--variant", default="", help="Functions named ..._VARIANT take the places of their namesakes."
)
@click.option("--racecheck", is_flag=True, help="Report accesses that nothing orders.")
def explore(jobs: int, **options: Any) -> int:
    """Run the cores of a SCENARIO under schedules of a strategy's choice, until one fails.

    A failure is shrunk to few switches, drawn as a table, and can be had again by its schedule.
    """
    if options["schedules"] is None:
        usual = {"dfs": DFS_SCHEDULES, "replay": 1}
        options["schedules"] = usual.get(options["strategy"], SCHEDULES)
    request = Request(**options)
    if jobs > 1 and request.strategy in ("random", "pct"):
        return _shared_out(jobs, request)
    mode = "all" if request.racecheck else "shared"
    if os.environ.get(_WATCH) != mode:
        os.execve(sys.executable, _command([]), _environment(mode))
    from mpkernel.tools.explore.command import run  # noqa: PLC0415  needs MPK_WATCH

    return run(request)


def _environment(mode: str) -> dict[str, str]:
    return {**os.environ, _WATCH: mode, "PYTHONHASHSEED": "0"}


def _command(more: list[str]) -> list[str]:
    """Words of this command; the last of an option counts."""
    return [sys.executable, "-m", "mpkernel", *sys.argv[1:], *more]


def _shared_out(jobs: int, request: Request) -> int:
    """Several processes, each with a part of the seeds; the finding of the lowest seed counts."""
    seed, schedules = request.seed, request.schedules
    share = -(-schedules // jobs)
    parts = []
    for first in range(0, schedules, share):
        count = min(share, schedules - first)
        more = ["--jobs=1", f"--seed={seed + first}", f"--schedules={count}"]
        parts.append(
            subprocess.Popen(_command(more), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        )
    status, output, errors = STATUS_CLEAN, b"", b""
    for part in parts:
        if status != STATUS_CLEAN:
            part.kill()
            part.communicate()
            continue
        output, errors = part.communicate()
        status = part.returncode
    if status == STATUS_CLEAN:
        click.echo(
            f"nothing found in {schedules:,} schedules (seeds {seed} to {seed + schedules - 1})"
        )
    else:
        sys.stdout.write(output.decode())
        sys.stderr.write(errors.decode())
    return status
