"""Which instructions the host's processor has; where it lacks one, an emulator is the oracle.

MPK_HOST_LACKS names features, with commas between, that the tests shall pretend the host lacks.
"""

import functools
import os
from pathlib import Path
from typing import Final

from iced_x86 import Code, CpuidFeature, Instruction

#: Features that not every x86-64 processor has: iced's name -> the flag in /proc/cpuinfo.
FLAGS: Final = {
    "SSE3": "pni", "SSSE3": "ssse3", "SSE4_1": "sse4_1", "SSE4_2": "sse4_2", "POPCNT": "popcnt",
    "LZCNT": "abm", "BMI1": "bmi1", "BMI2": "bmi2", "MOVBE": "movbe", "ADX": "adx",
    "CMPXCHG16B": "cx16",
}  # fmt: skip
_FEATURES: Final = {v: name for name, v in vars(CpuidFeature).items() if isinstance(v, int)}


@functools.cache
def _flags() -> frozenset[str]:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("flags"):
            return frozenset(line.partition(":")[2].split())
    raise AssertionError("/proc/cpuinfo has no flags")


@functools.cache
def features_of(name: str) -> frozenset[str]:
    """The features that an encoding needs, by iced's names."""
    instruction = Instruction()
    instruction.code = getattr(Code, name)
    return frozenset(_FEATURES[feature] for feature in instruction.cpuid_features())


def host_has(feature: str) -> bool:
    """Whether the host has a feature, and nobody pretends that it has not."""
    pretended = os.environ.get("MPK_HOST_LACKS", "").split(",")
    return feature not in pretended and (feature not in FLAGS or FLAGS[feature] in _flags())


def host_executes(name: str) -> bool:
    """Whether the host executes an encoding."""
    return name not in vars(Code) or all(map(host_has, features_of(name)))
