"""Two wakers choose the same idle core, and the other one sleeps on beside a full queue."""

from types import SimpleNamespace

KIND, TOOL, WITHIN = "assertion", "random", 20


def setup(k):
    return SimpleNamespace(idle=k.word(0b11), rung=k.word())


def core0(k, s):
    mask = s.idle.load()
    chosen = mask & -mask
    s.idle.and_(~chosen)
    s.rung.or_(chosen)


def core0_repaired(k, s):
    while mask := s.idle.load():
        chosen = mask & -mask
        if s.idle.and_(~chosen) & chosen:
            s.rung.or_(chosen)
            return


core1, core1_repaired = core0, core0_repaired


def check(k, s):
    assert s.rung.value == 0b11
