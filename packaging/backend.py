"""Build backend: setuptools', which also asks for a C compiler where the machine has none.

The user programs are compiled while the wheel is built (setup.py). Only a machine without gcc or
clang needs the ``ziglang`` wheel for that, so it is no fixed requirement.
"""

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from setuptools import build_meta
from setuptools.build_meta import *  # noqa: F403

from guests.build import native_compiler

Settings = dict[str, Any] | None


def get_requires_for_build_wheel(config_settings: Settings = None) -> list[str]:
    """Packages to install before the wheel is built."""
    return [*build_meta.get_requires_for_build_wheel(config_settings), *_compiler()]


def get_requires_for_build_editable(config_settings: Settings = None) -> list[str]:
    """Packages to install before the checkout is linked."""
    return [*build_meta.get_requires_for_build_editable(config_settings), *_compiler()]


def _compiler() -> list[str]:
    return [] if native_compiler() else ["ziglang>=0.13"]
