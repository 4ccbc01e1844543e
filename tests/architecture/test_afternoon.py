"""The path that a newcomer reads in an afternoon is what ARCHITECTURE.md lists, and stays short."""

from tests.support.source_tree import ROOT

MOST_LINES = 4000


def listed() -> list[str]:
    """Files of the section, in order."""
    text = (ROOT / "ARCHITECTURE.md").read_text()
    section = text.split("## The afternoon", 1)[1].split("## ", 1)[0]
    return [line for line in section.splitlines() if line.endswith(".py")]


def test_the_path_is_there_and_short():
    files = listed()
    assert len(files) == len(set(files)) > 20
    lines = {name: len((ROOT / name).read_text().splitlines()) for name in files}
    assert sum(lines.values()) <= MOST_LINES, lines
