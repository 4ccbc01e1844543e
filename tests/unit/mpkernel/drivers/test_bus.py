"""Which driver takes which function; one that refuses leaves the others alone."""

from hw.machine_config import PortConfig
from mpkernel.arch import mmio
from mpkernel.drivers import bus, pci
from mpkernel.drivers.bus import DRIVERS, DriverRefusalError
from mpkernel.drivers.pci import PciFunction
from mpkernel.trace import log
from tests.support.device_kernel import device_kernel


def test_each_function_gets_the_driver_that_matches() -> None:
    with device_kernel(ports=(PortConfig("console", is_console=True),)) as kernel:
        assert kernel.call(bus.probe_all()) == 2
        assert [f.driver for f in pci.functions()] == [0, bus.DRIVER_CONSOLE, bus.DRIVER_RNG]


class Refusing:
    """A driver that wants what virtio-rng would have, and then does not."""

    name = "refusing"

    def matches(self, function: PciFunction) -> bool:
        return DRIVERS[bus.DRIVER_RNG].matches(function)

    async def probe(self, function: PciFunction) -> None:
        pci.enable(function)
        raise DriverRefusalError("no such thing")

    def spread(self, _function: PciFunction, _cpus: list[int]) -> None:
        raise AssertionError("it has no function")


def test_a_driver_that_refuses_leaves_its_function_off_and_says_why() -> None:
    with device_kernel(ports=(PortConfig("console", is_console=True),)) as kernel:
        del DRIVERS._entries[bus.DRIVER_BLK]
        DRIVERS.add(bus.DRIVER_BLK, Refusing())  # asked first
        assert kernel.call(bus.probe_all()) == 1
        host, console, rng = pci.functions()
        assert (host.driver, console.driver, rng.driver) == (0, bus.DRIVER_CONSOLE, 0)
        assert mmio.read(rng.bar_address[0], 4) == 0xFFFF_FFFF
        assert f"refusing {rng.name}: no such thing" in log.read_all().decode()
        bus.spread_interrupts([0])
