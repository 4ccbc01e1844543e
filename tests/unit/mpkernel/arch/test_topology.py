"""How many CPUs there are, and how far they are."""

from hw.irq.party import MODE_HALTED, MODE_KERNEL, PARTIES, STATE_LAUNCHED
from mpkernel.arch import topology
from tests.support.kernel import kernel


def test_states_and_ids():
    with kernel(3):
        assert topology.cpu_count() == 3
        assert len({topology.apic_id(index) for index in range(3)}) == 3
        PARTIES[1].state = STATE_LAUNCHED
        assert [topology.is_online(index) for index in range(3)] == [True, False, True]
        assert topology.state_name(1) == "launched"
        PARTIES[2].mode.value = MODE_HALTED
        assert topology.state_name(2) == "halted"
        assert topology.is_online(2)  # asleep, but the kernel runs there
        PARTIES[2].mode.value = MODE_KERNEL
        assert topology.state_name(2) == "online"
