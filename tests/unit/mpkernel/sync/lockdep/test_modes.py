"""Modes: kinds, sharing and levels are packed apart."""

from mpkernel.sync.lockdep import modes


def test_a_mode_says_its_kind_whatever_else_it_says():
    for mode in (modes.SPIN, modes.RWSEM, modes.RCU_SCHED):
        kind = modes.kind_of(mode)
        assert modes.kind_of(mode | modes.RECURSIVE | modes.TRY) is kind
    assert modes.kind_of(modes.MUTEX).name == "mutex"
    assert modes.kind_of(modes.RAW_SPIN).inner < modes.kind_of(modes.SPIN).inner


def test_levels_stand_above_the_class():
    assert modes.nested(3) & ((1 << modes.SUBCLASS_SHIFT) - 1) == 0
    assert len({modes.nested(level) for level in range(modes.SUBCLASSES)}) == modes.SUBCLASSES
