"""Permissions of an entry against the manual's words, for all rules. All entries: test_walker."""

import itertools

from hw.cpu.page_rules import RULE_NX, RULE_SMAP, RULE_SMEP, RULE_WP, denied, shown
from hw.spec.paging import (
    ACCESS_FETCH,
    ACCESS_READ,
    ACCESS_USER,
    ACCESS_WRITE,
    PTE_NO_EXECUTE,
    PTE_USER,
    PTE_WRITABLE,
)

_RULES = (RULE_WP, RULE_NX, RULE_SMEP, RULE_SMAP)


def test_denied() -> None:
    """APM vol. 2, 5.6: each combination of access, entry and rules."""
    accesses = (ACCESS_READ, ACCESS_WRITE, ACCESS_FETCH)
    bits = itertools.product((0, ACCESS_USER), accesses, (0, PTE_USER), (0, PTE_WRITABLE), (0, 1))
    refused = 0
    for by_user, kind, user_page, writable, no_execute in bits:
        for count in range(16):
            wp, nx, smep, smap = (rule if count >> n & 1 else 0 for n, rule in enumerate(_RULES))
            reasons = (
                by_user and not user_page,
                kind == ACCESS_WRITE and not writable and (by_user or wp),
                kind == ACCESS_FETCH and nx and no_execute,
                kind == ACCESS_FETCH and smep and not by_user and user_page,
                kind != ACCESS_FETCH and smap and not by_user and user_page,
            )
            rules = wp | nx | smep | smap
            forbidden = PTE_NO_EXECUTE * no_execute
            found = denied(by_user | kind, user_page | writable, forbidden, rules)
            assert found == any(reasons)
            refused += found
    assert refused > 100


def test_fetches_show_only_where_they_can_be_refused() -> None:
    assert shown(ACCESS_FETCH | ACCESS_USER, RULE_WP) == ACCESS_USER
    assert shown(ACCESS_FETCH, RULE_NX) == shown(ACCESS_FETCH, RULE_SMEP) == ACCESS_FETCH
