"""The progress line: on a terminal only, and gone in the end."""

import io

import pytest

from mpkernel.cli.progress import Progress


class Screen(io.StringIO):
    def __init__(self, *, is_terminal: bool) -> None:
        super().__init__()
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        return self._is_terminal


@pytest.mark.parametrize("is_terminal", [True, False])
def test_it_shows_on_a_terminal_only(monkeypatch, is_terminal: bool):
    screen = Screen(is_terminal=is_terminal)
    monkeypatch.setattr("sys.stderr", screen)
    progress = Progress()
    progress.say("making tea")
    progress.clear()
    assert ("making tea" in screen.getvalue()) == is_terminal
    assert screen.getvalue().endswith("\r\x1b[K") == is_terminal


def test_what_is_quick_shows_nothing(monkeypatch):
    screen = Screen(is_terminal=True)
    monkeypatch.setattr("sys.stderr", screen)
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    progress = Progress()
    progress.compiling()
    progress.clear()
    assert not screen.getvalue()
    now[0] = 1.0
    progress.compiling()
    assert "part 2" in screen.getvalue()
