"""What happened in a schedule, step by step: who touched what, from which line.

State: private to one run. Context: mpkernel.tools.explore.
"""

import ctypes
import linecache
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hw.spec.layout import DIRECT_MAP, Layout
from hw.spec.watch import ATOMIC, COMPARE, WRITE
from mpkernel.arch.one_process import PENDING_AT

if TYPE_CHECKING:
    from mpkernel.tools.explore.baton import Strand
    from mpkernel.tools.explore.rig import Rig


@dataclass(frozen=True)
class Step:
    """One access."""

    strand: int
    line: int  #: of the scenario, 0 if none of its functions is at work
    verb: str
    what: str

    def __str__(self) -> str:
        return f"{self.strand} line {self.line} {self.verb} {self.what}"


class Transcript:
    """Records the steps of a run; give ``record`` to ``Rig.run``."""

    def __init__(self, rig: "Rig") -> None:
        self.steps: list[Step] = []
        self._rig = rig
        self._path = str(rig.scenario.path)
        self._names: list[tuple[int, int, str, Any]] | None = None

    def record(self, strand: "Strand", address: int, kind: int) -> None:
        """A step is being made."""
        if self._names is None:
            self._names = list(named(self._rig.objects))
        self.steps.append(Step(strand.index, self._line(), verb_of(kind), self.name(address)))

    def name(self, address: int) -> str:
        """What a scenario would call the word at a host address."""
        for start, end, name, kind in self._names or ():
            if start <= address < end:
                field = field_at(kind, address - start)
                return f"{name}.{field}" if field else name
        if PENDING_AT[0] <= address <= PENDING_AT[-1]:
            return f"interrupts of core{PENDING_AT.index(address)}"
        return f"kernel data {address - DIRECT_MAP:#x}"

    def _line(self) -> int:
        frame = sys._getframe(1)  # noqa: SLF001  the only way to the caller's line
        while frame is not None:
            if frame.f_code.co_filename == self._path:
                return frame.f_lineno
            frame = frame.f_back  # type: ignore[assignment]
        return 0

    def source(self, line: int) -> str:
        """A line of the scenario."""
        return linecache.getline(self._path, line).strip() if line else "(scheduler)"


def verb_of(kind: int) -> str:
    """An access in a word."""
    if kind & COMPARE:
        return "cas"
    if kind & ATOMIC:
        return "sets" if kind & WRITE else "looks at"
    return "writes" if kind & WRITE else "reads"


def named(objects: Any, prefix: str = "") -> Iterator[tuple[int, int, str, Any]]:
    """Host address, end, name and type of each layout that ``setup`` returned."""
    if isinstance(objects, Layout):
        start = ctypes.addressof(objects)
        yield start, start + ctypes.sizeof(objects), prefix or "s", type(objects)
    elif isinstance(objects, list | tuple):
        for index, one in enumerate(objects):
            yield from named(one, f"{prefix or 's'}[{index}]")
    elif isinstance(objects, dict):
        for key, one in objects.items():
            yield from named(one, f"{prefix or 's'}[{key!r}]")
    elif hasattr(objects, "__dict__"):
        for name, one in vars(objects).items():
            yield from named(one, f"{prefix}.{name}" if prefix else name)


def field_at(kind: Any, offset: int) -> str:
    """Dotted name of the field at an offset; a cell's only field needs no name."""
    for name, ctype, *_ in (field for one in kind.__mro__ for field in vars(one).get("_fields_", ())):
        start = getattr(kind, name).offset
        if start <= offset < start + ctypes.sizeof(ctype):
            if isinstance(ctype, type) and issubclass(ctype, Layout):
                inner = field_at(ctype, offset - start)
                return f"{name}.{inner}" if inner else name
            return "" if name == "value" else name
    return ""
