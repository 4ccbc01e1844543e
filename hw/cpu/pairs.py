"""Where pairs of micro-ops stand in a block: their handlers' numbers are put there.

State: a table that follows from the handlers. Context: Python, while decoding.
"""

from functools import cache
from typing import Final

from hw.cpu.threaded import handler_list, numbers

#: Place in a micro-op's tuple of a field that can equal ``a`` of the one before; 0: no such field.
_PLACES: Final = {"a": 1, "b": 2, "base": 3, "index": 4, "": 0}


@cache
def _table() -> dict[int, dict[int, list[tuple[int, int]]]]:
    """Numbers of two handlers -> pairs, the special ones first: place of the link, number."""
    number = numbers()
    table: dict[int, dict[int, list[tuple[int, int]]]] = {}
    for handler in handler_list():
        if handler.second is not None:
            first = number[handler.name.partition("+")[0]]
            pairs = table.setdefault(first, {}).setdefault(number[handler.second.name], [])
            pairs.append((_PLACES[handler.link], number[handler.name]))
            pairs.sort(reverse=True)
    return table


def fuse_pairs(ops: list[tuple[int, ...]]) -> None:
    """Let the first micro-op of each pair in a block name the pair's handler."""
    table = _table()
    at, last = 0, len(ops) - 1
    while at < last:
        first = ops[at]
        at += 1
        seconds = table.get(first[0])
        if seconds is None:
            continue
        second = ops[at]
        for place, number in seconds.get(second[0], ()):
            if not place or second[place] == first[1]:
                ops[at - 1] = (number, *first[1:])
                at += 1
                break
