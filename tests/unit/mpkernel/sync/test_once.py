"""Once cells: one value, made by one, seen by all."""

import pytest

from mpkernel.abi.errno import Errno, SysError
from mpkernel.arch.atomics import AtomicU64
from mpkernel.arch.cpu import cpu
from mpkernel.panic import KernelPanic
from mpkernel.sync.once import OnceCell
from tests.support.core_processes import core_processes, run_cpus
from tests.support.kernel import kernel

pytestmark = pytest.mark.feature("E4")


def test_the_first_value_stays():
    with kernel() as k:
        cell = OnceCell.at(k.scratch(OnceCell.SIZE))
        assert cell.get() is None
        assert not cell.is_set()
        assert cell.set(5)
        assert not cell.set(6)
        assert cell.get() == 5
        assert cell.get_or_make(lambda: 7) == 5
        cell.init()
        assert cell.get_or_make(lambda: 7) == 7
        assert cell.get_or_make(lambda: 8) == 7


def test_a_maker_that_fails_leaves_it_empty_and_one_that_needs_itself_panics():
    with kernel() as k:
        cell = OnceCell.at(k.scratch(OnceCell.SIZE))

        def fails() -> int:
            raise SysError(Errno.ENOMEM)

        with pytest.raises(SysError, match="ENOMEM"):
            cell.get_or_make(fails)
        assert cell.get_or_make(lambda: 1) == 1
        cell.init()
        with pytest.raises(KernelPanic, match="its own value"):
            cell.get_or_make(lambda: cell.get_or_make(lambda: 1))


@pytest.mark.feature("E8")
def test_sixteen_cores_make_each_value_once():
    """Initialization claimed by compare-and-set: 16 CPUs, 1,000 cells."""
    with core_processes(16) as k:
        cells = [OnceCell.at(k.scratch(OnceCell.SIZE)) for _ in range(1000)]
        made = [AtomicU64.at(k.scratch(8)) for _ in cells]

        def work(_index: int) -> None:
            mine = cpu().number
            for place, cell in enumerate(cells):

                def make(place: int = place) -> int:
                    made[place].add(1)
                    return mine

                value = cell.get_or_make(make)
                assert 1 <= value <= 16
                assert cell.get() == value

        run_cpus(k, work)
        assert [one.value for one in made] == [1] * 1000
