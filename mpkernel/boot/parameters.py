"""Boot parameters: what the launcher tells the kernel, carried in the machine's command line.

One declaration for both sides: the command line writes it with ``encode`` before the machine
starts, the first core reads it with ``decode``. The text is JSON, so that any byte of a program's
arguments survives, and a person who looks at the boot information can read it.

State: none. Context: the launcher; the first core while it boots.
"""

import json
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal, TypeAlias

LogLevel: TypeAlias = Literal["error", "warning", "info", "debug"]
LOG_LEVELS: Final[tuple[LogLevel, ...]] = ("error", "warning", "info", "debug")
Switch: TypeAlias = Literal["on", "off"]

#: Where the first program's descriptors 0, 1 and 2 lead: all to the console, or each to a port.
Stdio: TypeAlias = Literal["console", "ports"]

DEFAULT_INIT: Final = "/bin/init"
#: A boot module of this kind is a file that the kernel lays over a path of its file systems.
_FILE_MODULE: Final = "file"


@dataclass(frozen=True)
class BootParameters:
    """What differs from one boot of the same machine to the next."""

    log_level: LogLevel = "warning"
    init: str = DEFAULT_INIT
    init_args: tuple[str, ...] = ()  #: argv from argv[1] on
    env: dict[str, str] = field(default_factory=dict)
    stdio: Stdio = "console"
    lockdep: Switch = "on"  #: the lock validator

    def encode(self) -> str:
        """Return the text for the machine's command line."""
        return json.dumps(asdict(self), separators=(",", ":"))

    @classmethod
    def decode(cls, text: str) -> "BootParameters":
        """Return what ``encode`` was given; of an empty text, the defaults.

        Raises:
            ValueError: the text is not of this form.
        """
        if not text.strip():
            return cls()
        words: Any = json.loads(text)
        if not isinstance(words, dict) or words.keys() - cls.__dataclass_fields__.keys():
            raise ValueError(f"boot parameters are not as expected: {text[:80]}")
        if words.get("log_level", "warning") not in LOG_LEVELS:
            raise ValueError(f"log level {words['log_level']} is none of {', '.join(LOG_LEVELS)}")
        if words.get("stdio", "console") not in ("console", "ports"):
            raise ValueError(f"standard streams {words['stdio']!r} are neither console nor ports")
        if words.get("lockdep", "on") not in ("on", "off"):
            raise ValueError(f"lockdep is {words['lockdep']!r}, neither on nor off")
        if "init_args" in words:
            words["init_args"] = tuple(words["init_args"])
        return cls(**words)


@dataclass(frozen=True)
class FileModule:
    """Name of a boot module that holds a file: where it goes, and its permission bits."""

    path: str
    mode: int

    def encode(self) -> str:
        """Return the module's name."""
        return f"{_FILE_MODULE}:{self.path}:{self.mode:o}"

    @classmethod
    def decode(cls, name: str) -> "FileModule | None":
        """Return what ``encode`` was given, None for a module of another kind."""
        kind, _, rest = name.partition(":")
        path, _, mode = rest.rpartition(":")
        if kind != _FILE_MODULE or not path:
            return None
        return cls(path, int(mode, 8))
