"""Registers that all CPUs of a machine must hold alike: control, EFER, memory types.

Why: a CPU whose paging or caching differs goes wrong long after, and only there. Firmware and
kernels have left such CPUs behind.

Spec: AMD64 APM vol. 2, 3.1, 7.7.1 (MTRRs are to be the same on all processors), 7.8.
State: the cores' registers. Context: the launcher, when a machine has ended.
"""

from hw.cpu import msr
from hw.cpu.state import CORES
from hw.spec.msr import MSR_MTRR_CAP, MSR_MTRR_DEFAULT, MSR_MTRR_FIXED, MSR_MTRR_PHYS, MSR_PAT


def control_words(cpu: int) -> dict[str, int]:
    """What a CPU holds, by the register's name."""
    state = CORES[cpu]
    numbers = {"PAT": MSR_PAT, "MTRRcap": MSR_MTRR_CAP, "MTRRdefType": MSR_MTRR_DEFAULT}
    for place, number in enumerate(MSR_MTRR_PHYS):
        numbers[f"MTRRphys{'Mask' if place % 2 else 'Base'}{place // 2}"] = number
    for number in MSR_MTRR_FIXED:
        numbers[f"MTRRfix_{number:x}"] = number
    found = {"CR0": int(state.cr0), "CR4": int(state.cr4), "EFER": int(state.efer)}
    return found | {name: msr.plain(state, number) for name, number in numbers.items()}


def differences(words: list[dict[str, int]]) -> list[tuple[int, str, int]]:
    """CPU, register and value of each that is not as CPU 0's; ``words`` are those of all CPUs."""
    return [
        (cpu, name, value)
        for cpu, held in enumerate(words)
        for name, value in held.items()
        if value != words[0][name]
    ]
