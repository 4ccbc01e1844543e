"""Mappings against a model that knows of each page its protection and its first byte."""

from hypothesis import given, settings
from hypothesis import strategies as st

from hw.spec.paging import FAULT_USER, FAULT_WRITE
from mpkernel.abi.errno import SysError
from mpkernel.abi.mman import (
    MAP_ANONYMOUS,
    MAP_FIXED,
    MAP_PRIVATE,
    PROT_NONE,
    PROT_READ,
    PROT_WRITE,
)
from mpkernel.mm import address_space, frames
from mpkernel.mm.address_space import AddressSpace
from mpkernel.mm.fault import handle_fault
from mpkernel.mm.mmap import map_region, protect_region, unmap_region
from mpkernel.mm.user_memory import copy_from_user, copy_to_user
from mpkernel.mm.vma import VMAS, Vma
from tests.support.kernel_cpu import kernel_cpu

BASE = 0x1FF_F000  # the range crosses a border of page tables
PAGES = 12
PROTECTIONS = (PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE)

Step = tuple[str, int, int, int]
Model = dict[int, list[int]]  #: page -> [protection, first byte]

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["map", "unmap", "protect", "write"]),
        st.integers(0, PAGES - 1),
        st.integers(1, 6),
        st.sampled_from(PROTECTIONS),
    ),
    max_size=30,
)


async def act(space: AddressSpace, model: Model, step: Step, byte: int) -> None:
    """One step on both sides."""
    what, page, count, prot = step
    address, pages = BASE + page * 4096, range(page, page + count)
    if what == "map":
        flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED
        assert await map_region(space, address, count * 4096, prot, flags) == address
        model.update({one: [prot, 0] for one in pages})
    elif what == "unmap":
        await unmap_region(space, address, count * 4096)
        for one in pages:
            model.pop(one, None)
    elif what == "protect":
        is_whole = all(one in model for one in pages)
        try:
            await protect_region(space, address, count * 4096, prot)
            assert is_whole
            for one in pages:
                model[one][0] = prot
        except SysError:
            assert not is_whole
    elif model.get(page, [0])[0] & PROT_WRITE:
        await copy_to_user(address, bytes([byte]))
        model[page][1] = byte


async def is_allowed(space: AddressSpace, address: int, access: int) -> bool:
    """Whether an access succeeds in the end."""
    try:
        await handle_fault(space, address, FAULT_USER | access)
    except SysError:
        return False
    return True


async def check(space: AddressSpace, model: Model) -> None:
    """Both sides agree on every page, and the list agrees with the tree."""
    for page in range(PAGES + 6):
        address = BASE + page * 4096
        prot, byte = model.get(page, [PROT_NONE, 0])
        assert await is_allowed(space, address, 0) == bool(prot)
        assert await is_allowed(space, address, FAULT_WRITE) == bool(prot & PROT_WRITE)
        if prot:
            assert await copy_from_user(address, 1) == bytes([byte])
    listed = list(space.vmas.objects(Vma, "node"))
    assert len(listed) == space.vma_count == VMAS.in_use
    end = 0
    for vma in listed:
        assert end <= vma.start < vma.end
        found = address_space.find_vma(space, vma.end - 1)
        assert found is not None
        assert found.phys == vma.phys
        end = vma.end
    assert sum(vma.end - vma.start for vma in listed) == len(model) * 4096


@settings(max_examples=40, deadline=None)
@given(STEPS)
def test_mappings_agree_with_a_model_of_pages(steps: list[Step]) -> None:
    with kernel_cpu(ram_bytes=16 << 20) as kernel:
        space = address_space.create()
        kernel.address_space = space.phys
        model: Model = {}

        async def body() -> None:
            for number, step in enumerate(steps):
                await act(space, model, step, number + 1)
                await check(space, model)

        kernel.run_one(body())
        address_space.put(space)
        assert VMAS.in_use == 0
        slabs = 3 + -(-VMAS.state.total // (4096 // VMAS.object_bytes))
        assert frames.total_count() - frames.free_count() <= slabs
