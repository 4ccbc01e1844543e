"""The table of lock classes is consistent."""

from mpkernel.sync import ranks
from tests.support.kernel import kernel


def test_names_ids_and_ranks_are_unique_and_ascending():
    assert len({c.name for c in ranks.CLASSES}) == len(ranks.CLASSES)
    assert [c.id for c in ranks.CLASSES] == list(range(1, len(ranks.CLASSES) + 1))
    assert sorted(c.rank for c in ranks.CLASSES) == [c.rank for c in ranks.CLASSES]


def test_every_class_has_a_constant_of_its_name():
    for lock_class in ranks.CLASSES:
        assert getattr(ranks, lock_class.name.upper()) is lock_class


def test_a_class_without_rank_has_one_id_for_its_name():
    with kernel():
        one, two = ranks.unranked("one"), ranks.unranked("two")
        assert ranks.unranked("one") == one != two
        assert ranks.by_id(two.id).name == "two"
        assert ranks.by_id(ranks.LOG.id) is ranks.LOG


def test_classes_whose_names_have_the_same_hash_are_two():
    with kernel():
        names = [f"class {number}" for number in range(3000)]
        ids = {ranks.unranked(name).id: name for name in names}
        assert len(ids) == len(names)
        assert all(ranks.name_of(number) == name for number, name in ids.items())
