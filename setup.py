"""Puts the compiled user programs into the wheel; all else stands in pyproject.toml."""

import sys
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

sys.path.insert(0, str(Path(__file__).resolve().parent))

from guests import build


class BuildWithPrograms(build_py):
    """Compiles the programs before the files are collected.

    They are left in the checkout too (guests/user/bin), so that its tests run after
    ``pip install .`` on a machine without a compiler.
    """

    def run(self) -> None:
        """Compile the programs, then copy all files."""
        build.build(build.PACKAGED)
        super().run()


setup(cmdclass={"build_py": BuildWithPrograms})
