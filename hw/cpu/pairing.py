"""Pairs."""
from functools import cache
from hw.cpu.threaded import handler_list, numbers
PLACES = {"": 0, "a": 1, "b": 2, "base": 3, "index": 4}

@cache
def pair_table():
    t = {}
    n = numbers()
    for k, h in enumerate(handler_list()):
        if h.following is not None:
            first = n[h.name.split("+")[0]]
            t.setdefault(first, {}).setdefault(n[h.following.name], []).append((PLACES[h.link], k))
    for d in t.values():
        for v in d.values(): v.sort(reverse=True)
    return t

def join(ops):
    t = pair_table()
    k, last = 0, len(ops) - 1
    while k < last:
        op = ops[k]
        seconds = t.get(op[0])
        if seconds is not None:
            nxt = ops[k + 1]
            variants = seconds.get(nxt[0])
            if variants is not None:
                for place, number in variants:
                    if place == 0 or nxt[place] == op[1]:
                        ops[k] = (number, *op[1:])
                        k += 1
                        break
        k += 1
