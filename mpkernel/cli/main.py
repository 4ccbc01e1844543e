"""The command line: picks a command, and turns whatever goes wrong into one line and a status.

    0-255  of process 1, or of the program      72   deadlock
    2      bad usage, or refused input          124  timeout
    70     kernel panic                         128+n ended by signal n
    71     a process of the machine was lost

State: none. Context: the launcher.
"""

import os
import sys
import traceback
from itertools import pairwise
from typing import Any, Final, NoReturn

from mpkernel import __version__
from mpkernel.cli import host_check

STATUS_REFUSED: Final = 2
STATUS_BROKEN: Final = 70
STATUS_INTERRUPTED: Final = 130

HELP: Final = """A whole SMP kernel in Python, on a machine whose cores are processes.

\b
  mpkernel boot --cpus 8           a shell on an eight-core machine
  mpkernel run --cpus 2 ./a.out    a static Linux x86-64 program, inside the machine
  mpkernel mkfs data.img --size 64M
  mpkernel lockdep selftest        the lock validator's own test
"""
EPILOG: Final = """\b
Status:
  0-255  of process 1, or of the program
  2      bad usage, or a file that cannot be used
  70     kernel panic          71  a core or the device process was lost
  72     deadlock              124 timeout       128+n  ended by signal n

`mpkernel COMMAND --help` explains a command, with examples.
"""


def main() -> NoReturn:
    """Be the process ``mpkernel``: run the command of its arguments, exit with its status."""
    reason = host_check.refusal()
    if reason is not None:
        _complain(reason)
        sys.exit(STATUS_REFUSED)
    host_check.prepare_process()
    status = run_command(sys.argv[1:])
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # nobody reads: say nothing at exit either
    sys.exit(status)


def run_command(arguments: list[str]) -> int:
    """Run a command; return its status. What goes wrong is one line on standard error."""
    import click  # noqa: PLC0415  after the host is known to be good

    try:
        status = _commands().main(arguments, prog_name="mpkernel", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as help_shown:
        print(help_shown.format_message())  # noqa: T201  the command line's own output
        return STATUS_REFUSED
    except click.ClickException as error:
        _complain(_explain(error))
        return STATUS_REFUSED
    except (click.Abort, KeyboardInterrupt):
        return STATUS_INTERRUPTED
    except BaseException as error:  # noqa: BLE001  the top: whatever came, the user gets one line
        return _failed(error, arguments)
    return status if isinstance(status, int) else 0


def _commands() -> Any:
    """Return the group of all commands; none of them imports the machine until it runs."""
    import click  # noqa: PLC0415

    from mpkernel.cli.boot import boot  # noqa: PLC0415
    from mpkernel.cli.cpu import cpu  # noqa: PLC0415
    from mpkernel.cli.explore import explore  # noqa: PLC0415
    from mpkernel.cli.lockdep import lockdep  # noqa: PLC0415
    from mpkernel.cli.mkfs import mkfs  # noqa: PLC0415
    from mpkernel.cli.profile import profile  # noqa: PLC0415
    from mpkernel.cli.run import run  # noqa: PLC0415
    from mpkernel.cli.stress import stress  # noqa: PLC0415

    group = click.Group("mpkernel", help=HELP, epilog=EPILOG, no_args_is_help=True)
    for command in (boot, run, cpu, mkfs, lockdep, explore, stress, profile):
        group.add_command(command)
    return click.version_option(__version__, prog_name="mpkernel")(group)


def _explain(error: Any) -> str:
    """Return a usage error's text and where to read on."""
    context = getattr(error, "ctx", None)
    hint = f" (see {context.command_path} --help)" if context is not None else ""
    return f"{error.format_message()}{hint}"


def _failed(error: BaseException, arguments: list[str]) -> int:
    """Say what stopped a command, and return the status."""
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else STATUS_REFUSED
    if _wants_debug(arguments):
        traceback.print_exception(error)
    if isinstance(error, OSError):
        _complain(_of_os(error))
        return STATUS_REFUSED
    if _is_refusal(error):
        _complain(str(error))
        return STATUS_REFUSED
    hint = "" if _wants_debug(arguments) else " (--log debug shows more)"
    _complain(f"internal error: {type(error).__name__}: {error}{hint}")
    return STATUS_BROKEN


def _is_refusal(error: BaseException) -> bool:
    """Whether an error's text was written for the user; only modules that were needed count."""
    kinds = (
        ("hw.machine_config", "MachineError"),
        ("guests.build", "BuildError"),
        ("mpkernel.tools.file_tree", "ImageError"),
        ("mpkernel.tools.profile.recorder", "ProfileError"),
    )
    return any(
        isinstance(error, getattr(sys.modules[module], name))
        for module, name in kinds
        if module in sys.modules
    )


def _of_os(error: OSError) -> str:
    what = error.strerror or str(error)
    where = f"{error.filename}: " if error.filename else "this host refuses: "
    return f"{where}{what}"


def _wants_debug(arguments: list[str]) -> bool:
    return "--log=debug" in arguments or ("--log", "debug") in pairwise(arguments)


def _complain(text: str) -> None:
    """Write one line on standard error."""
    line = " ".join(text.split())
    try:
        sys.stderr.write(f"mpkernel: {line}\n")
        sys.stderr.flush()
    except OSError:
        return


if __name__ == "__main__":
    main()
