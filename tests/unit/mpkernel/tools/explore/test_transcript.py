"""A transcript says of each step who made it, at which line, and what it touched."""

from hw.spec.watch import ATOMIC, COMPARE, WRITE
from mpkernel.tools.explore.transcript import verb_of
from tests.support.watched import EXPLORER, watched

SCENARIO = """
def setup(k): return k.word(), k.cell()
def core0(k, s):
    s[0].store(1)
    s[1].value = 2
def check(k, s): assert False
"""


def test_steps():
    code = f"{EXPLORER}\nfor step in explore({SCENARIO!r}).finding.transcript: print(step)"
    assert watched(code).splitlines() == ["0 line 4 sets s[0]", "0 line 5 writes s[1]"]


def test_verbs():
    kinds = (0, WRITE, ATOMIC, ATOMIC | WRITE, ATOMIC | COMPARE)
    assert [verb_of(kind) for kind in kinds] == ["reads", "writes", "looks at", "sets", "cas"]
