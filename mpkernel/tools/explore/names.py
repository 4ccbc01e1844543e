"""What a scenario calls the words that its cores touch: ``lock.word``, ``queue[1].waiters.next``.

State: private to one run. Context: mpkernel.tools.explore.
"""

import ctypes
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from hw.spec.layout import DIRECT_MAP, Layout
from mpkernel.arch.one_process import PENDING_AT

if TYPE_CHECKING:
    from mpkernel.tools.explore.rig import Rig


class Names:
    """Names of addresses, after what ``setup`` returned."""

    def __init__(self, rig: "Rig") -> None:
        self._rig = rig
        self._known: list[tuple[int, int, str, Any]] | None = None

    def name(self, address: int) -> str:
        """Name of the word at a host address."""
        if self._known is None:
            self._known = list(named(self._rig.objects))
        for start, end, name, kind in self._known:
            if start <= address < end:
                field = field_at(kind, address - start)
                return f"{name}.{field}" if field else name
        if PENDING_AT[0] <= address <= PENDING_AT[-1]:
            return f"(interrupts of core{PENDING_AT.index(address)})"
        return f"(kernel {address - DIRECT_MAP:#x})"


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
    for name, ctype, *_ in (
        field for one in kind.__mro__ for field in vars(one).get("_fields_", ())
    ):
        start = getattr(kind, name).offset
        if start <= offset < start + ctypes.sizeof(ctype):
            if isinstance(ctype, type) and issubclass(ctype, Layout):
                inner = field_at(ctype, offset - start)
                return f"{name}.{inner}" if inner else name
            return "" if name == "value" else name
    return ""
