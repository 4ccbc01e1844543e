"""Usage bits: which go together."""

import itertools

from mpkernel.sync.lockdep import usage
from mpkernel.sync.lockdep.usage import CONTEXTS, may_come, used


def test_all_bits_differ_and_say_what_they_are():
    bits = {
        (make, context, is_shared): make(context, is_shared=is_shared)
        for make, context, is_shared in itertools.product((used, may_come), CONTEXTS, (False, True))
    }
    assert len(set(bits.values())) == 8
    for (make, context, is_shared), bit in bits.items():
        assert usage.context_of(bit) == context
        assert usage.is_used(bit) == (make is used)
        assert ("shared" in usage.name_of(bit)) == is_shared


def test_only_readers_go_together_and_contexts_are_apart():
    for context in CONTEXTS:
        taken, taken_shared = (used(context, is_shared=s) for s in (False, True))
        comes, comes_shared = (may_come(context, is_shared=s) for s in (False, True))
        assert usage.contrary(taken) == comes | comes_shared
        assert usage.contrary(taken_shared) == comes
        assert usage.contrary(comes) == taken | taken_shared
        assert usage.contrary(comes_shared) == taken


def test_letters():
    hard = used(usage.HARD, is_shared=False)
    assert usage.letters(hard) == "-..."
    assert usage.letters(hard | may_come(usage.HARD, is_shared=False)) == "?..."
    assert usage.letters(may_come(usage.DEFERRED, is_shared=True)) == "...+"
