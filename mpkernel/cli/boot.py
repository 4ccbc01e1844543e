"""``mpkernel boot``: a machine with a shell on its console.

State: none. Context: the launcher.
"""

from pathlib import Path
from typing import Any

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
    "--profile", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
    help="Write where the cores spent their time, as FILE.svg and FILE.speedscope.json.",
)  # fmt: skip
def boot(cmdline: str | None, init: str, **options: Any) -> int:
    """Boot a machine: a shell on this terminal, or on plain standard input and output.

    The machine's end gives the status: that of process 1, or 70 kernel panic, 71 a core or the
    device process was lost, 72 deadlock, 124 timeout, 128+n ended by signal n.
    """
    if not init.startswith("/"):
        raise click.UsageError(f"--init {init} is no absolute path of the guest")
    parameters = BootParameters(
        log_level=options["log_level"],
        lockdep=options["lockdep"],
        init=init,
        init_args=() if cmdline is None else ("-c", cmdline),
    )
    return run_machine(MachineOptions(**options), parameters)
