"""The bus: which driver takes which function, and when.

    probe_all: for each function without a driver: the first that matches is asked to take it

A driver that refuses (SysError, DriverRefusalError) leaves its function alone; the others go on.

State: PciFunction.driver. Locks: none; probing is one task's, before others use devices.
Context: task; probing sleeps.
"""

from typing import Final, Protocol

from mpkernel.abi.errno import SysError
from mpkernel.drivers import pci
from mpkernel.drivers.pci import PciFunction
from mpkernel.seam import Seam
from mpkernel.trace import log

# Ids of drivers, asked in this order.
DRIVER_BLK: Final = 1
DRIVER_CONSOLE: Final = 2
DRIVER_RNG: Final = 3
LAST_DRIVER: Final = DRIVER_RNG


class DriverRefusalError(Exception):
    """A driver cannot use a function; the text says why."""


class Driver(Protocol):
    """What takes functions of a kind."""

    name: str

    def matches(self, function: PciFunction) -> bool:
        """Whether this is a function for the driver."""

    async def probe(self, function: PciFunction) -> None:
        """Bring the function up; raises DriverRefusalError or SysError if that cannot be."""

    def spread(self, function: PciFunction, cpus: list[int]) -> None:
        """Let interrupts of the function go to these CPUs."""


#: By driver id.
DRIVERS: Final[Seam[Driver]] = Seam("drivers")


async def probe_all() -> int:
    """Find functions and bring them up; return how many have a driver."""
    pci.enumerate_bus()
    taken = 0
    for function in pci.functions():
        for number in range(1, LAST_DRIVER + 1):
            if number in DRIVERS and DRIVERS[number].matches(function):
                taken += await _probe(function, number)
                break
    return taken


async def _probe(function: PciFunction, number: int) -> bool:
    driver = DRIVERS[number]
    try:
        await driver.probe(function)
    except (SysError, DriverRefusalError) as error:
        log.warning(f"{driver.name} {function.name}: {error}")
        pci.disable(function)
        return False
    function.driver = number
    return True


def spread_interrupts(cpus: list[int]) -> None:
    """Give the CPUs that are online their share of all devices' interrupts."""
    for function in pci.functions():
        if function.driver:
            DRIVERS[function.driver].spread(function, cpus)
