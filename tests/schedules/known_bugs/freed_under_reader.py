"""An entry is unlinked and freed while a reader that takes no lock still looks at it."""

from types import SimpleNamespace

KIND, TOOL, WITHIN = "assertion", "random", 200


def setup(k):
    return SimpleNamespace(pointer=k.word(1), readers=k.word(), content=k.word(7))


def core0(k, s):
    s.readers.add(1)
    if s.pointer.load():
        assert s.content.load() == 7, "the entry was freed under its reader"
    s.readers.add(-1)


def core1(k, s):
    s.pointer.store(0)
    s.content.store(0)


def core1_repaired(k, s):
    s.pointer.store(0)
    while s.readers.load():
        k.relax()
    s.content.store(0)
