"""The table is read whole, and sequences become trees."""

from collections import Counter

from mpkernel.tools.lockdep.scenario import Step, class_name, load, parse


def test_all_lines_are_there():
    scenarios = load()
    assert [one.number for one in scenarios] == list(range(1, 395))
    assert len({one.case for one in scenarios}) == 394
    by_group = Counter(one.group.split()[0] for one in scenarios)
    assert by_group == {
        "1": 49, "2": 14, "3": 15, "4": 24, "5": 138, "6": 72, "7": 36, "8": 3, "9": 3, "10": 36,
        "11": 3, "12": 1,
    }  # fmt: skip
    assert {one.group.split()[0] for one in scenarios if not one.steps} == {"7", "9", "10"}
    assert all(one.context_pair for one in scenarios if one.group.startswith("10"))


def test_what_stands_between_enter_and_exit_is_inside():
    inner = Step("spin", "lock", "A")
    assert parse("mutex.lock(M); hardirq.enter; spin.lock(A); hardirq.exit; mutex.unlock(M)") == (
        Step("mutex", "lock", "M"),
        Step("hardirq", "enter", inside=(inner,)),
        Step("mutex", "unlock", "M"),
    )


def test_short_forms():
    nested = parse("spin A'->B nested")
    assert [(step.verb, step.lock) for step in nested] == [
        ("lock", "A'"), ("lock", "B"), ("unlock", "B"), ("unlock", "A'"),
    ]  # fmt: skip
    assert parse("spin.lock(X2 [same class])") == (Step("spin", "lock", "X2"),)
    assert parse("softirq.enable [hardirqs on]") == (Step("softirq", "enable"),)
    assert parse("init; done; done; fini") == ()
    assert class_name("X2") == "X"


def test_one_case_may_begin_with_another():
    by_case = {one.case: one for one in load()}
    begun, whole = by_case["local_lock_3A"], by_case["local_lock_3B"]
    assert whole.steps[: len(begun.steps)] == begun.steps
    assert len(whole.steps) > len(begun.steps)
