"""Pairs."""
from collections.abc import Iterator
from hw.cpu.semantics import alu, branch, move, shift, stack
from hw.cpu.semantics.handler import Handler
import json
PASSES = 2
T = json.load(open("/tmp/b3/pairs.json"))

def handlers() -> Iterator[Handler]:
    """All of this family."""
    known = {h.name: h for f in (move, alu, shift, stack, branch) for h in f.handlers()}
    for a, b, c in T:
        f, s = known[a], known[b]
        yield Handler(f"{a}+{b}{':' if c else ''}{c}", f.form, f.constants, s, c)

# key 449b374f3df3a01b44d843c30a8f4d61
