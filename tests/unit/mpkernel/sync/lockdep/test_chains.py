"""Chains: a path of links, known to all CPUs once one has checked it."""

from mpkernel.sync import ranks
from mpkernel.sync.lockdep import chains, modes
from mpkernel.sync.lockdep.chains import Link
from tests.support.kernel import kernel


def chain(*steps: tuple[int, int], context: int = 0) -> Link:
    link = chains.root(context)
    for key, mode in steps:
        which = chains.which_of(key, mode, chains.HARD_OFF)
        link = Link(link, which, context, link.inner, None)
    return link


def test_a_link_unpacks_what_it_was_made_of():
    key, mode = ranks.LOG.id + modes.nested(5), modes.RCU_SCHED | modes.SHARED | modes.TRY
    link = chain((key, mode))
    assert (link.key, link.mode) == (key, mode)
    assert link.kind.name == "RCU-sched"
    assert link.name() == "log/5 (RCU-sched, shared)"


def test_a_chain_is_known_by_its_steps_and_its_context():
    with kernel():
        steps = ((ranks.SLAB.id, modes.SPIN), (ranks.LOG.id, modes.SPIN))
        one = chain(*steps)
        assert [link.key for link in one.chain()] == [ranks.LOG.id, ranks.SLAB.id]
        assert not chains.is_known(one)
        chains.is_checked(one)
        assert chains.is_known(chain(*steps))
        assert not chains.is_known(chain(*steps[::-1]))
        assert not chains.is_known(chain(*steps, context=chains.IN_HARD))
        assert list(chains.all_chains()) == [(0, [link.which for link in one.chain()][::-1])]


def test_roots_say_what_may_be_waited_for():
    assert chains.root(0).inner == modes.WAIT_SLEEP
    assert chains.root(chains.IN_DEFERRED).inner == modes.WAIT_SPIN
    assert chains.root(chains.IN_HARD | chains.IN_RAW).inner == modes.WAIT_RAW
