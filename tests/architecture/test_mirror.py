"""Each module has its test file, in the same place below tests/unit.

``untested.txt`` names the modules that have none, because other tests hold them; the list may only
shrink (python -m tests.support.untested). A new module needs its test file.
"""

from pathlib import Path

from tests.support.source_tree import ROOT, sources
from tests.support.untested import has_test, listed, modules

#: Unit tests of something that all modules of a package do.
OF_A_PACKAGE = {"tests/unit/mpkernel/mm/test_out_of_memory.py"}


def test_every_new_module_has_its_test_file():
    missing = sorted(one for one in modules() - listed() if not has_test(one))
    assert not missing, "no tests/unit/.../test_<module>.py for:\n" + "\n".join(missing)


def test_the_list_of_untested_modules_only_shrinks():
    gone = sorted(listed() - modules())
    tested = sorted(one for one in listed() if has_test(one))
    assert not gone + tested, "take off untested.txt:\n" + "\n".join(gone + tested)


def test_no_unit_test_has_lost_its_module():
    orphans = [
        one.name
        for one in sources("tests/unit")
        if one.path.name.startswith("test_")
        and one.name not in OF_A_PACKAGE
        and not _has_subject(one.path)
    ]
    assert not orphans, "\n".join(orphans)


def _has_subject(test: Path) -> bool:
    """Whether what a unit test is named after exists: a module, a package, or C sources."""
    folder = ROOT / test.parent.relative_to(ROOT / "tests/unit")
    stem = test.stem.removeprefix("test_")
    is_module = (folder / f"{stem}.py").exists() or (folder / stem).is_dir() or folder.name == stem
    return is_module or any(folder.glob("*.c"))
