"""Kinds of values that the commands share: sizes, files for the guest, lists of APIC ids.

A wrong value is a usage error of one line that says what would be right.

State: none. Context: the launcher.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import click

_SIZE: Final = re.compile(r"(\d+)([KMG]?)", re.IGNORECASE)
_UNITS: Final = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
_MOST_BYTES: Final = 1 << 50

Command = TypeVar("Command", bound=Callable[..., Any])


def parse_size(text: str) -> int:
    """Return the bytes of ``256M``: a number and K, M, G or nothing.

    Raises:
        ValueError: it is no such size.
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is no size: give a number and K, M or G, as in 256M")
    size = int(match[1]) * _UNITS[match[2].upper()]
    if size > _MOST_BYTES:
        raise ValueError(f"{text} is too large")
    return size


class Size(click.ParamType):
    """A number of bytes, as ``parse_size`` reads it."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the bytes."""
        if isinstance(value, int):
            return value
        try:
            return parse_size(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class ApicIds(click.ParamType):
    """Comma-separated ids of the local APICs, one a core."""

    name = "ids"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, ...]:
        """Return the ids."""
        if isinstance(value, tuple):
            return value
        try:
            return tuple(int(word, 0) for word in value.split(","))
        except ValueError:
            self.fail(f"{value!r} is no list of ids: give one a core, as in 0,2,5,9", param, ctx)


@dataclass(frozen=True)
class GuestFile:
    """A file of the host and its path in the guest."""

    host: Path
    guest: str


class HostToGuest(click.ParamType):
    """HOST:GUEST, a file of the host and an absolute path in the guest."""

    name = "host:guest"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> GuestFile:
        """Return the two paths."""
        if isinstance(value, GuestFile):
            return value
        host, colon, guest = value.rpartition(":")
        if not colon or not host or not guest.startswith("/") or guest.endswith("/"):
            self.fail(f"{value!r} is not HOST:GUEST, as in notes.txt:/tmp/notes.txt", param, ctx)
        return GuestFile(Path(host), guest)


class Assignment(click.ParamType):
    """NAME=VALUE of an environment."""

    name = "name=value"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        """Return name and value."""
        if isinstance(value, tuple):
            return value
        name, equals, content = value.partition("=")
        if not equals or not name:
            self.fail(f"{value!r} is not NAME=VALUE", param, ctx)
        return name, content


class Names(click.ParamType):
    """Names out of a list, with commas between; ``all`` for each of them."""

    name = "names"

    def __init__(self, known: Sequence[str]) -> None:
        self._known = tuple(known)

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        """Return the names."""
        if isinstance(value, tuple):
            return value
        if value == "all":
            return self._known
        names = tuple(dict.fromkeys(value.split(",")))
        for one in names:
            if one not in self._known:
                self.fail(f"{one!r} is none of {', '.join(self._known)}", param, ctx)
        return names


def machine_options(command: Command) -> Command:
    """Add the options that every command with a machine has."""
    for option in reversed((
        click.option("--cpus", type=int, default=4, show_default=True, help="Cores, 1 to 64."),
        click.option(
            "--ram", "ram_bytes", type=Size(), default="256M", show_default=True,
            help="Physical memory.",
        ),
        click.option(
            "--root", type=click.Path(path_type=Path), metavar="IMAGE",
            help="Image of /dev/vda, mounted as /. Default: a private copy of the built-in one.",
        ),
        click.option(
            "--disk", "disks", type=click.Path(path_type=Path), metavar="IMAGE", multiple=True,
            help="Image of the next disk, /dev/vdb on. May be given more than once.",
        ),
        click.option("--numa", "numa_nodes", type=int, default=1, help="NUMA nodes."),
        click.option(
            "--apic-ids", type=ApicIds(), default=(), metavar="ID,ID...",
            help="Ids of the cores' local APICs. Default: 0, 1, 2 ...",
        ),
        click.option(
            "--timeout", "timeout_s", type=click.FloatRange(min=0, min_open=True),
            metavar="SECONDS", help="End the machine with status 124 after this time.",
        ),
        click.option(
            "--trace", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
            help="Write what happened on each core, in order of time, when the machine has ended.",
        ),
        click.option(
            "--lockdep", type=click.Choice(["on", "off"]), default="on", show_default=True,
            help="The lock validator: every deadlock named before it happens.",
        ),
        click.option(
            "--findings", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
            help="Append what the lock validator reports, as JSON.",
        ),
        click.option(
            "--on-deadlock", type=click.Choice(["stop", "kill"]), default="stop",
            show_default=True,
            help="Stop with status 72, or end a task that a signal can end, and go on.",
        ),
        click.option(
            "--log", "log_level", type=click.Choice(["error", "warning", "info", "debug"]),
            default="warning", show_default=True, help="What the kernel's log shows.",
        ),
    )):  # fmt: skip
        command = option(command)
    return command
