"""The frame bitmap is searched and set in two steps: two cores get the same frame."""

from types import SimpleNamespace

KIND, TOOL, WITHIN = "assertion", "random", 20


def setup(k):
    return SimpleNamespace(bitmap=k.word(0b1111), owners=[k.word() for _ in range(4)])


def own(k, s, frame):
    assert s.owners[frame].xchg(k.core + 1) == 0, "a frame has two owners"


def core0(k, s):
    free = s.bitmap.load()
    frame = (free & -free).bit_length() - 1
    s.bitmap.store(free & ~(1 << frame))
    own(k, s, frame)


def core0_repaired(k, s):
    while True:
        free = s.bitmap.load()
        frame = (free & -free).bit_length() - 1
        if s.bitmap.cas(free, free & ~(1 << frame)) == free:
            return own(k, s, frame)


core1, core1_repaired = core0, core0_repaired
