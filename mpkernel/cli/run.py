"""``mpkernel run``: a program of the host, inside a machine, with the host's standard streams.

The program and each ``--file`` travel as boot modules; the kernel lays them over their paths in a
tmpfs, so that no image is written.

State: none. Context: the launcher.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from mpkernel.boot.parameters import BootParameters, FileModule
from mpkernel.cli.machine import MachineOptions, run_machine
from mpkernel.cli.options import Assignment, GuestFile, HostToGuest, machine_options
from mpkernel.cli.program import read_file, read_program

if TYPE_CHECKING:
    from hw.machine_config import ModuleConfig

PROGRAM_FOLDER: Final = "/run"
DEFAULT_ENVIRONMENT: Final = {"PATH": "/bin", "HOME": "/root"}


@click.command(
    context_settings={"allow_interspersed_args": False},
    short_help="Run a static Linux program of this host inside a machine.",
    epilog="""\b
Examples:
  mpkernel run ./a.out                     a static Linux program
  mpkernel run --cpus 2 ./busybox sh -c 'echo hi; uname -a'
  mpkernel run --file words.txt:/tmp/words ./sort /tmp/words < in > out
  mpkernel run --env LANG=C --timeout 60 ./test
""",
)
@machine_options
@click.option(
    "--file", "files", type=HostToGuest(), multiple=True, metavar="HOST:GUEST",
    help="A file of this host and its path in the guest. May be given more than once.",
)  # fmt: skip
@click.option(
    "--env", type=Assignment(), multiple=True, metavar="NAME=VALUE",
    help="A variable of the program's environment. May be given more than once.",
)  # fmt: skip
@click.argument("program", type=click.Path(path_type=Path))
@click.argument("args", nargs=-1, type=click.UNPROCESSED)
def run(
    program: Path,
    args: tuple[str, ...],
    files: tuple[GuestFile, ...],
    env: tuple[tuple[str, str], ...],
    **options: Any,
) -> int:
    """Run PROGRAM, a static x86-64 Linux ELF of this host, inside a machine.

    Its standard input, output and error are this command's, and so is its status: 128+n when
    signal n killed it. INT, TERM, HUP and WINCH are passed on to it.
    """
    return run_program(MachineOptions(**options), program, args, files, env)


def run_program(
    options: MachineOptions,
    program: Path,
    args: tuple[str, ...],
    files: tuple[GuestFile, ...] = (),
    env: tuple[tuple[str, str], ...] = (),
) -> int:
    """Run a program of the host inside a machine; return its status.

    Raises:
        RefusedFileError: it is none that can run.
    """
    path = f"{PROGRAM_FOLDER}/{program.name}"
    modules = [_module(path, read_program(program), 0o755)]
    modules += [_module(one.guest, read_file(one.host), _mode(one.host)) for one in files]
    from hw.machine_config import PortConfig  # noqa: PLC0415  only when all options are good

    parameters = BootParameters(
        log_level=options.log_level,
        lockdep=options.lockdep,
        init=path,
        init_args=args,
        env=DEFAULT_ENVIRONMENT | dict(env),
        stdio="ports",
    )
    ports = (
        PortConfig("stdin", input_fd=0),
        PortConfig("stdout", output_fd=1),
        PortConfig("stderr", output_fd=2),
    )
    return run_machine(options, parameters, ports=ports, modules=modules)


def _module(path: str, data: bytes, mode: int) -> "ModuleConfig":
    from hw.machine_config import ModuleConfig  # noqa: PLC0415

    return ModuleConfig(FileModule(path, mode).encode(), data)


def _mode(path: Path) -> int:
    """Return the permission bits that a file of the host has in the guest."""
    return path.stat().st_mode & 0o777
