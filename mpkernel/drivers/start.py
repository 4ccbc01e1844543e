"""Devices come up, once all CPUs are online.

State: RAM. Context: the first task; sleeps.
"""

from mpkernel.drivers import acpi, bus, host_signals
from mpkernel.irq import vectors
from mpkernel.trace import log


async def start_devices(cpus: list[int]) -> None:
    """Find and start all devices; their interrupts go to the CPUs given, which are online."""
    vectors.init()
    try:
        host_signals.start()
        taken = await bus.probe_all()
    except acpi.AcpiError as error:
        log.error(f"{error}: no devices")
        return
    bus.spread_interrupts(cpus)
    log.info(f"{taken} devices have drivers")
