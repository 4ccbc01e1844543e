"""``mpkernel boot``: a machine with a shell on its console.

State: none. Context: the launcher.
"""

import os
import sys
from pathlib import Path
from typing import Any, NoReturn

import click

from mpkernel.boot.parameters import DEFAULT_INIT, BootParameters
from mpkernel.cli.machine import MachineOptions, run_machine
from mpkernel.cli.options import machine_options


@click.command(
    short_help="Boot a machine with a shell on its console.",
    epilog="""\b
Examples:
  mpkernel boot                            a shell on four cores
  mpkernel boot --cpus 8 --ram 1G          a larger machine
  mpkernel boot --cmdline 'ls /; ps'       run commands, end with the last one's status
  printf 'primes 30\\nexit 3\\n' | mpkernel boot
  mpkernel boot --root my.img --disk data.img
  mpkernel boot --schedule-seed 7 < script     the same run, each time

Keys: Ctrl-A X ends the machine, Ctrl-A H lists the keys. `exit` or Ctrl-D powers off.
""",
)
@machine_options
@click.option(
    "--cmdline", metavar="TEXT", help="Shell commands to run instead of an interactive shell."
)
@click.option(
    "--init", metavar="PATH", default=DEFAULT_INIT, show_default=True,
    help="Program of the root disk that becomes process 1.",
)  # fmt: skip
@click.option(
    "--schedule-seed", type=click.IntRange(0), metavar="SEED",
    help="Run all cores in one process, by turns drawn from SEED: the same seed, the same run.",
)  # fmt: skip
@click.option(
    "--racecheck", is_flag=True,
    help="With --schedule-seed: report accesses to the kernel's data that nothing orders (slow).",
)  # fmt: skip
@click.option(
    "--profile", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
    help="Write where the cores spent their time, as FILE.svg and FILE.speedscope.json.",
)  # fmt: skip
def boot(cmdline: str | None, init: str, schedule_seed: int | None, **options: Any) -> int:
    """Boot a machine: a shell on this terminal, or on plain standard input and output.

    The machine's end gives the status: that of process 1, or 70 kernel panic, 71 a core or the
    device process was lost, 72 deadlock, 124 timeout, 128+n ended by signal n.
    """
    if not init.startswith("/"):
        raise click.UsageError(f"--init {init} is no absolute path of the guest")
    if options["racecheck"] and schedule_seed is None:
        raise click.UsageError("--racecheck needs --schedule-seed")
    mode = "all" if options["racecheck"] else "turns"
    if schedule_seed is not None and os.environ.get("MPK_WATCH") != mode:
        begin_again_in_turns(mode)
    parameters = BootParameters(
        log_level=options["log_level"],
        lockdep=options["lockdep"],
        init=init,
        init_args=() if cmdline is None else ("-c", cmdline),
    )
    return run_machine(MachineOptions(**options), parameters, schedule_seed=schedule_seed)


def begin_again_in_turns(mode: str) -> NoReturn:
    """Be this command anew where all takes turns: that is decided before the first import."""
    command = [sys.executable, "-m", "mpkernel", *sys.argv[1:]]
    os.execve(sys.executable, command, {**os.environ, "MPK_WATCH": mode, "PYTHONHASHSEED": "0"})
