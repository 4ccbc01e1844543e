"""Puts the compiled user programs into the wheel; all else stands in pyproject.toml."""

import sys
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

sys.path.insert(0, str(Path(__file__).resolve().parent))

from guests import build


class BuildWithPrograms(build_py):
    """Compiles the programs into the build folder; an editable install builds on first use."""

    def run(self) -> None:
        """Copy the Python files, then add the programs."""
        super().run()
        if not self.editable_mode:
            build.build(Path(self.build_lib) / "guests" / "user" / "bin")


setup(cmdclass={"build_py": BuildWithPrograms})
