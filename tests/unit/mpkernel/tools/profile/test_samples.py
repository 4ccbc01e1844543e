"""Stacks as py-spy writes them, and the parts of the machine."""

import pytest

from mpkernel.tools.profile.samples import Samples, part_of

RAW = """\
<module> (__main__.py);run_core (/x/y/hw/machine.py:10);kernel_entry (mpkernel/boot/start.py);run_cpu (/x/mpkernel/sched/switch.py) 7
<module> (__main__.py);run_core (hw/machine.py);kernel_entry (mpkernel/boot/start.py);loads (json/__init__.py) 2
<module> (__main__.py);run_core (hw/machine.py);enter_user (mpkernel/arch/trap.py);run (hw/cpu/core.py:5) 11

no number here
"""  # noqa: E501  as it is written


def test_stacks_begin_where_the_core_does_and_are_counted_by_part():
    samples = Samples(100)
    samples.add("core 0", RAW.splitlines())
    samples.add("core 0", ["Machine._run_devices (hw/machine.py);serve (hw/disk/process.py) 1"])
    assert samples.total() == 21
    assert samples.parts() == {
        "core 0": {"sched": 7, "boot": 2, "user code": 11, "device process": 1}
    }
    stacks = list(samples.by_party["core 0"])
    assert [frame.label() for frame in stacks[0]] == ["boot: kernel_entry", "sched: run_cpu"]
    assert stacks[1][-1].part == "host"
    assert stacks[2][-1].file == "hw/cpu/core.py"


@pytest.mark.parametrize(
    ("path", "part"),
    [
        ("mpkernel/mm/fault.py", "mm"),
        ("mpkernel/fs/ext2/volume.py", "fs: ext2"),
        ("mpkernel/fs/file.py", "fs"),
        ("mpkernel/arch/trap.py", "entry and exit"),
        ("mpkernel/arch/ipi.py", "arch"),
        ("mpkernel/sync/lockdep/hooks.py", "lock validator"),
        ("mpkernel/sync/spinlock.py", "sync"),
        ("mpkernel/panic.py", "mpkernel"),
        ("hw/cpu/semantics/alu.py", "user code"),
        ("hw/machine.py", "board"),
        ("guests/image.py", "guests"),
    ],
)
def test_parts(path: str, part: str):
    assert part_of(path) == part
