"""Memory as system instructions see it: page borders, faults, devices."""

import pytest

from hw.cpu.exits import CpuFault
from hw.spec.paging import FAULT_USER, FAULT_WRITE
from tests.differential.guest import Guest
from tests.differential.host import DATA, DATA_SIZE


def test_a_value_across_pages(guest: Guest) -> None:
    memory = guest.core.memory
    memory.write(DATA + 4096 - 3, 8, 0x1122334455667788)
    assert memory.read(DATA + 4096 - 3, 8) == 0x1122334455667788
    assert guest.data()[4093:4101] == bytes.fromhex("8877665544332211")


def test_a_write_that_faults_at_its_end_writes_nothing(guest: Guest) -> None:
    guest.put_data(bytes(DATA_SIZE))
    with pytest.raises(CpuFault) as caught:
        guest.core.memory.write(DATA + DATA_SIZE - 2, 4, 0xFFFF_FFFF)
    fault = caught.value
    assert (fault.vector, fault.error) == (14, FAULT_USER | FAULT_WRITE)
    assert fault.address == DATA + DATA_SIZE
    assert guest.data() == bytes(DATA_SIZE)


def test_system_accesses_are_the_supervisors(guest: Guest) -> None:
    guest.map(0x7000_0000, 0x90_0000, 4096, 3)
    assert guest.core.memory.read(0x7000_0000, 4, system=True) == 0
    with pytest.raises(CpuFault):
        guest.core.memory.read(0x7000_0000, 4)


def test_not_canonical(guest: Guest) -> None:
    with pytest.raises(CpuFault, match="vector 13"):
        guest.core.memory.read((1 << 47) - 2, 4)
