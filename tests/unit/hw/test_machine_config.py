"""Machines that cannot be are refused in one line."""

import pytest

from hw.machine_config import MachineConfig, MachineError, ModuleConfig
from hw.spec.memory_map import MIB


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"cpus": 0}, "1 to 64 cores"),
        ({"cpus": 65}, "1 to 64 cores"),
        ({"ram_bytes": MIB}, "too few"),
        ({"ram_bytes": 1 << 40}, "too many"),
        ({"ram_bytes": 64 * MIB + 1}, "4 KiB pages"),
        ({"cpus": 2, "apic_ids": (1, 1)}, "different APIC ids"),
        ({"cpus": 2, "apic_ids": (1,)}, "different APIC ids"),
        ({"cpus": 1, "apic_ids": (255,)}, "without 255"),
        ({"cpus": 1, "numa_nodes": 2}, "NUMA nodes"),
        ({"cmdline": "x" * 5000}, "command line"),
        (
            {"boot_modules": (ModuleConfig("m", bytes(20 * MIB)),), "ram_bytes": 32 * MIB},
            "more RAM",
        ),
    ],
)
def test_refused(arguments: dict[str, object], words: str):
    with pytest.raises(MachineError, match=words) as caught:
        MachineConfig(**arguments)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)


def test_sparse_ids_and_nodes():
    config = MachineConfig(cpus=4, apic_ids=(0, 7, 300, 1), numa_nodes=2)
    assert [config.apic_id(core) for core in range(4)] == [0, 7, 300, 1]
    assert [config.node_of_core(core) for core in range(4)] == [0, 0, 1, 1]
