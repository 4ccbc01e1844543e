"""Address spaces: mappings found, cut and inherited; references counted."""

import pytest

from mpkernel.abi.mman import MAP_PRIVATE, PROT_READ
from mpkernel.mm import address_space, frames
from mpkernel.mm.address_space import SPACES, AddressSpace
from mpkernel.mm.vma import VMAS, Vma
from tests.support.kernel_cpu import KernelCpu

pytestmark = pytest.mark.usefixtures("kernel")


def add(space: AddressSpace, start: int, end: int) -> Vma:
    """List an anonymous mapping."""
    vma = Vma.at(VMAS.alloc())
    vma.tree_node.key, vma.end = start, end
    vma.prot, vma.flags = PROT_READ, MAP_PRIVATE
    address_space.insert_vma(space, vma)
    return vma


def starts(space: AddressSpace) -> list[int]:
    """Where the mappings begin, in the order of the list."""
    return [vma.start for vma in space.vmas.objects(Vma, "node")]


def test_mappings_are_found_by_any_address_in_them() -> None:
    space = address_space.create()
    for start in (0x5000, 0x1000, 0x9000, 0x3000):
        add(space, start, start + 0x1000)
    assert starts(space) == [0x1000, 0x3000, 0x5000, 0x9000]
    for address, start in ((0x1000, 0x1000), (0x1FFF, 0x1000), (0x9FFF, 0x9000)):
        found = address_space.find_vma(space, address)
        assert found is not None
        assert found.start == start
    for address in (0, 0xFFF, 0x2000, 0x6000, 0xA000):
        assert address_space.find_vma(space, address) is None
    following = address_space.first_vma_from(space, 0x6000)
    assert following is not None
    assert following.start == 0x9000
    assert address_space.first_vma_from(space, 0xA000) is None


def test_the_parts_of_a_cut_mapping_show_the_same_bytes_of_the_file() -> None:
    space = address_space.create()
    vma = add(space, 0x1000, 0x5000)
    vma.offset = 0x10000
    upper = address_space.split_vma(space, vma, 0x3000)
    assert (vma.start, vma.end, upper.start, upper.end) == (0x1000, 0x3000, 0x3000, 0x5000)
    assert upper.page_index(0x3000) == 0x12
    assert vma.page_index(0x2FFF) == 0x11
    assert starts(space) == [0x1000, 0x3000]
    address_space.remove_vma(space, vma)
    assert starts(space) == [0x3000]
    assert address_space.find_vma(space, 0x1000) is None


def test_the_last_reference_frees_all(kernel: KernelCpu) -> None:
    address_space.put(address_space.create())
    before = frames.free_count()
    space = address_space.create()
    add(space, 0x1000, 0x2000)
    child = kernel.run_one(address_space.fork_space(space))
    assert starts(child) == [0x1000]
    address_space.get(space)
    address_space.put(space)
    assert SPACES.in_use == 2
    address_space.put(space)
    assert (SPACES.in_use, VMAS.in_use) == (1, 1)
    address_space.put(child)
    assert (SPACES.in_use, VMAS.in_use) == (0, 0)
    assert before - frames.free_count() <= 3, "slabs of tasks and mappings stay"
