"""The zone: what of the memory map becomes free frames."""

from hypothesis import given, settings
from hypothesis import strategies as st

from hw.machine_config import MachineConfig
from mpkernel.abi.errno import SysError
from mpkernel.arch.cpu import Cpu, use_cpu
from mpkernel.mm import zone
from tests.support.board import powered_board


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 200_000), st.integers(0, 60_000)), max_size=6))
def test_exactly_the_whole_frames_of_the_map_are_handed_out(
    gaps: list[tuple[int, int]],
) -> None:
    with powered_board(MachineConfig(cpus=1, ram_bytes=16 << 20)):
        use_cpu(Cpu(0))
        ranges = [(4 << 20, 8 << 20)]
        end = 8 << 20
        for gap, size in gaps:
            ranges.append((end + gap, end + gap + size))
            end += gap + size
        zone.init(list(ranges))
        expected = {
            frame
            for start, end in ranges
            for frame in range(-(-start // 4096) * 4096, end // 4096 * 4096, 4096)
        }
        own = set(range(4 << 20, zone.ZONE.descriptors, 4096))
        taken = []
        try:
            while True:
                taken.append(zone.take())
        except SysError:
            pass
        assert len(taken) == len(set(taken)) == zone.ZONE.total
        missing = expected - set(taken)
        assert set(taken) <= expected
        assert own <= missing
        last = zone.ZONE.descriptors + (zone.ZONE.words * 64) * zone.DESCRIPTOR_BYTES
        assert all(4 << 20 <= frame < last for frame in missing), "only its own tables are kept"
