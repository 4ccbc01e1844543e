"""Who is told of each access to shared memory: nobody, unless MPK_WATCH is set.

The explorer and the race checker run all cores of a scenario in one process and must see every
access to shared bytes before it happens. MPK_WATCH is read once, before any layout exists: off,
layouts and atomics are plain ctypes objects and nothing here is ever called; on, hw.spec.layout,
hw.atomics and hw.ram hand out twins of the same interface that tell the OBSERVER first.

    off      nobody is told
    turns    only where a core can give its turn away: waits, safepoints, chunks of user code
    shared   fields that several cores touch, words and atomics: what a schedule can tell apart
    all      also fields declared fixed or this_cpu: what a race can hide in

State: private (OBSERVER), of a process that is no core of a machine. Context: any.
"""

import ctypes
import os
from collections.abc import Callable, Iterator
from typing import Any, Final, TypeVar, cast

_MODE: Final = os.environ.get("MPK_WATCH", "off")
#: All cores take turns in this process; time is the observer's.
TAKING_TURNS: Final = _MODE != "off"
WATCHING: Final = _MODE in ("shared", "all")
WATCHING_ALL: Final = _MODE == "all"

#: What an access does: bits.
READ: Final = 0
WRITE: Final = 1
ATOMIC: Final = 2
#: A compare-and-set, which may turn out to write nothing; if it writes, ``changed`` follows.
COMPARE: Final = 4
#: A read-modify-write.
UPDATE: Final = 8
#: A compare-and-set of a lock's word that is made again until it succeeds, once the lock is free.
AWAIT: Final = 32
#: To a field declared fixed or this_cpu: no schedule may depend on when it happens.
PRIVATE: Final = 16
#: To a range of bytes, of which this is a part: others may see one part done and not the next.
BULK: Final = 64
#: From this bit on: how many bytes are touched, 0 for the eight of a word.
SIZE_SHIFT: Final = 8
WORD: Final = 8

F = TypeVar("F", bound=Callable[..., Any])


def sized(kind: int, size: int) -> int:
    """The kind of an access to so many bytes, which lie within a word."""
    return kind | (size % WORD) << SIZE_SHIFT


class Observer:
    """Told of what happens in this process; this one does not care."""

    def looks(self) -> bool:
        """Whether a core is running: else nobody's accesses count."""
        return False

    def access(self, address: int, kind: int) -> None:
        """The running core is about to touch the word at a host address."""

    def changed(self, address: int) -> None:
        """A compare-and-set of the running core has succeeded."""

    def relax(self) -> None:
        """The running core waits in a spin loop for another one."""

    def halt(self, core: int, deadline_tsc: int) -> None:
        """The running core sleeps until something is pending for it, or that time."""

    def wait(self, is_due: Callable[[], bool], left_ns: Callable[[], int | None]) -> None:
        """Who runs, and is no core, has nothing to do until ``is_due``, or for ``left_ns``."""

    def safepoint(self) -> None:
        """The running core may be interrupted here."""

    def ran(self, core: int, instructions: int) -> None:
        """The running core has run user code, as many instructions in all."""

    def random_bytes(self, size: int) -> bytes:
        """What comes from the host's entropy otherwise."""
        return bytes(size)

    def now_ns(self) -> int:
        """Virtual time."""
        return 0


class Place:
    """Where the one observer is."""

    __slots__ = ("observer",)

    def __init__(self) -> None:
        self.observer = Observer()


PLACE: Final = Place()


class WatchedField(property):
    """A field of a layout whose accesses are told; offset and size as ctypes has them."""

    offset: int
    size: int


def watched_field(raw: Any, kind: int) -> WatchedField:
    """Twin of a ctypes field."""
    offset, size = raw.offset, raw.size
    kind = sized(kind, size)
    get, put = raw.__get__, raw.__set__
    address_of = ctypes.addressof
    place = PLACE

    def read(view: Any) -> Any:
        place.observer.access(address_of(view) + offset, kind)
        return get(view)

    def write(view: Any, value: Any) -> None:
        place.observer.access(address_of(view) + offset, kind | WRITE)
        put(view, value)

    twin = WatchedField(read, write)
    twin.offset, twin.size = offset, size
    return twin


def watched(kind: int, address_of: Callable[[Any], int] = ctypes.addressof) -> Callable[[F], F]:
    """Decorate an operation on a cell or word, its first argument: its twin tells first."""

    def decorate(operation: Any) -> Any:
        if not WATCHING:
            return operation
        place = PLACE

        def twin(target: Any, *values: int) -> Any:
            place.observer.access(address_of(target), kind)
            return operation(target, *values)

        def compare(target: Any, expected: int, new: int) -> Any:
            address = address_of(target)
            place.observer.access(address, kind)
            old = operation(target, expected, new)
            if old == expected:
                place.observer.changed(address)
            return old

        return compare if kind & COMPARE else twin

    return decorate


def watched_native(operation: F, kind: int) -> F:
    """Twin of a native function that tries to change the word at its first argument; 0: it did."""
    if not WATCHING:
        return operation
    place = PLACE

    def twin(address: int, *values: int) -> Any:
        place.observer.access(address, kind)
        result = operation(address, *values)
        if result == 0:
            place.observer.changed(address)
        return result

    return cast("F", twin)


def watched_array(ctype: Any, kind: int) -> Any:
    """Twin of a ctypes array of numbers: each element is told as a field is."""
    size = ctypes.sizeof(ctype._type_)
    kind = sized(kind, size)
    address_of = ctypes.addressof
    place = PLACE

    class WatchedArray(ctype):  # type: ignore[misc]
        """The same bytes; who takes them as a buffer tells nobody."""

        def __getitem__(self, index: Any) -> Any:
            self._tell(index, kind)
            return super().__getitem__(index)

        def __setitem__(self, index: Any, value: Any) -> None:
            self._tell(index, kind | WRITE)
            super().__setitem__(index, value)

        def _tell(self, index: Any, kind: int) -> None:
            numbers = range(len(self))[index]
            for number in (numbers,) if isinstance(numbers, int) else numbers:
                place.observer.access(address_of(self) + size * number, kind)

    return WatchedArray


def pieces(address: int, size: int, kind: int) -> Iterator[tuple[int, int]]:
    """A range of bytes as addresses and sizes, each to be touched before the next is asked for.

    Word by word, each told, if somebody looks; all at once otherwise.
    """
    observer = PLACE.observer
    if not observer.looks():
        yield address, size
        return
    is_one = size in (1, 2, 4, 8) and address % size == 0  # a single load or store
    kind |= 0 if is_one else BULK
    end = address + size
    while address < end:
        count = min(WORD - address % WORD, end - address)
        observer.access(address, sized(kind, count))
        yield address, count
        address += count


class WatchedWords:
    """Twin of a view of 64-bit words: each is atomic by itself, as an aligned store is."""

    __slots__ = ("_address", "_words")

    def __init__(self, words: memoryview, address: int) -> None:
        self._words = words
        self._address = address

    def __len__(self) -> int:
        return len(self._words)

    def tolist(self) -> list[int]:
        """All words, each read by itself."""
        return [self[index] for index in range(len(self))]

    def __getitem__(self, index: int) -> int:
        PLACE.observer.access(self._address + 8 * index, ATOMIC)
        return self._words[index]

    def __setitem__(self, index: int, value: int) -> None:
        PLACE.observer.access(self._address + 8 * index, ATOMIC | WRITE)
        self._words[index] = value
