"""Takes modules off tests/architecture/untested.txt that have their test file by now.

Run it as ``python -m tests.support.untested``; it never adds a line.
"""

from pathlib import Path
from typing import Final

from tests.support.source_tree import ROOT, sources

LIST: Final = ROOT / "tests/architecture/untested.txt"


def listed() -> set[str]:
    """Modules on the list."""
    lines = LIST.read_text().splitlines()
    return {line.strip() for line in lines if line.strip() and not line.startswith("#")}


def modules() -> set[str]:
    """Modules that are to have a test file."""
    return {
        one.name
        for one in sources("hw", "mpkernel", "guests")
        if one.path.name not in ("__init__.py", "__main__.py")
    }


def has_test(module: str) -> bool:
    """Whether a module's test file exists."""
    path = Path(module)
    return (ROOT / "tests/unit" / path.parent / f"test_{path.stem}.py").exists()


def shrink() -> None:
    """Rewrite the list without what is tested or gone."""
    keep = sorted(one for one in listed() & modules() if not has_test(one))
    head = [line for line in LIST.read_text().splitlines() if line.startswith("#")]
    LIST.write_text("\n".join([*head, *keep]) + "\n")


if __name__ == "__main__":
    shrink()
