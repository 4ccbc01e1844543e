"""A flame graph as SVG: a box a call, as wide as the time spent in it, on top of its caller.

    | core 0              | core 1                    |    the second row
    | sched: run_cpu      | sched: run_cpu            |
    | entry: enter_user   | syscall: system_call | ...|

Boxes are coloured by part of the machine, which a legend names, with the time spent in it itself; a
box shows its name, its share and its file when pointed at, and is zoomed to when clicked.

State: none. Context: the host.
"""

import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import escape
from typing import Final

from mpkernel.tools.profile.samples import Counts, Frame, Samples

WIDTH: Final = 1200
_ROW: Final = 17
_MARGIN: Final = 30
#: Parts in a row of the legend, and how many it names.
_LEGEND_COLUMNS: Final = 6
_MOST_LEGENDS: Final = 18
#: Boxes narrower than this are left out.
_LEAST: Final = 0.3
_LETTER: Final = 6.6

_SCRIPT: Final = """
const boxes = [...document.querySelectorAll('g.b')];
function zoom(x0, w0) {
  for (const g of boxes) {
    const x = +g.dataset.x, w = +g.dataset.w;
    const left = Math.max((x - x0) * WIDTH / w0, 0);
    const right = Math.min((x + w - x0) * WIDTH / w0, WIDTH);
    g.style.display = right - left < 0.3 ? 'none' : '';
    const rect = g.querySelector('rect'), text = g.querySelector('text');
    rect.setAttribute('x', left);
    rect.setAttribute('width', Math.max(right - left - 0.3, 0));
    text.setAttribute('x', left + 3);
    const room = Math.floor((right - left - 4) / 6.6);
    text.textContent = room < 3 ? '' : g.dataset.n.slice(0, room);
  }
}
for (const g of boxes) g.addEventListener('click', () => zoom(+g.dataset.x, +g.dataset.w));
"""


@dataclass
class Box:
    """A call and what it called."""

    name: str
    file: str = ""
    part: str = ""
    count: int = 0
    inner: dict[tuple[str, str], "Box"] = field(default_factory=dict)

    def child(self, frame: Frame) -> "Box":
        """The box on top of this one for a call."""
        key = (frame.name, frame.file)
        return self.inner.setdefault(key, Box(frame.label(), frame.file, frame.part))

    def depth(self) -> int:
        """Rows from here up."""
        return 1 + max((one.depth() for one in self.inner.values()), default=0)


def tree(samples: Samples) -> Box:
    """All stacks merged, with a box for each core and the device process."""
    root = Box("all", part="all")
    for party, counts in samples.by_party.items():
        _grow(root, party, counts)
    return root


def _grow(root: Box, party: str, counts: Counts) -> None:
    trunk = root.inner.setdefault((party, ""), Box(party, part=party))
    for stack, count in counts.items():
        here = trunk
        root.count += count
        trunk.count += count
        for frame in stack:
            here = here.child(frame)
            here.count += count


def svg(samples: Samples, title: str) -> str:
    """Return the picture; cores stand in their order, what they call most first."""
    root = tree(samples)
    legend = "\n".join(_legend(samples))
    height = root.depth() * _ROW + 2 * _MARGIN + _ROW * -(-_MOST_LEGENDS // _LEGEND_COLUMNS)
    boxes = "\n".join(_drawn(root, 0.0, WIDTH / max(root.count, 1), 0, height, root.count))
    script = _SCRIPT.replace("WIDTH", str(WIDTH))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}"'
        f' viewBox="0 0 {WIDTH} {height}" font-family="monospace" font-size="11">\n'
        f'<rect width="100%" height="100%" fill="#fff"/>\n'
        f'<text x="20" y="20" font-size="14">{escape(title)}</text>\n'
        f"{legend}\n{boxes}\n<script><![CDATA[{script}]]></script>\n</svg>\n"
    )


def _legend(samples: Samples) -> Iterator[str]:
    """The parts that took most time themselves, with their colours."""
    parts = sum(samples.parts().values(), Counter[str]())
    for number, (part, count) in enumerate(parts.most_common(_MOST_LEGENDS)):
        row, column = divmod(number, _LEGEND_COLUMNS)
        x, y = 20 + column * (WIDTH - 40) // _LEGEND_COLUMNS, _MARGIN + row * _ROW
        text = escape(f"{part} {100 * count / parts.total():.0f} %")
        yield (
            f'<rect x="{x}" y="{y}" width="12" height="12" fill="{colour(part)}" rx="2"/>'
            f'<text x="{x + 17}" y="{y + 10}">{text}</text>'
        )


def _drawn(box: Box, left: float, scale: float, row: int, height: int, total: int) -> Iterator[str]:
    width = box.count * scale
    if width < _LEAST:
        return
    y = height - _MARGIN - (row + 1) * _ROW
    room = int((width - 4) / _LETTER)
    shown = box.name[:room] if room >= 3 else ""
    share = 100 * box.count / max(total, 1)
    told = f"{box.name}: {box.count} samples, {share:.1f} % {box.file}".strip()
    yield (
        f'<g class="b" data-x="{left:.2f}" data-w="{width:.2f}" data-n="{escape(box.name)}">'
        f"<title>{escape(told)}</title>"
        f'<rect x="{left:.2f}" y="{y}" width="{max(width - 0.3, 0):.2f}" height="{_ROW - 1}"'
        f' fill="{colour(box.part)}" rx="2"/>'
        f'<text x="{left + 3:.2f}" y="{y + 12}">{escape(shown)}</text></g>'
    )
    for inner in sorted(box.inner.values(), key=lambda one: -one.count if row else 0):
        yield from _drawn(inner, left, scale, row + 1, height, total)
        left += inner.count * scale


def colour(part: str) -> str:
    """The colour of a part of the machine, the same in every picture."""
    number = zlib.crc32(part.encode())
    tint, shade = divmod(number // 360 % 9, 3)
    return f"hsl({number % 360},{50 + 15 * tint}%,{64 + 8 * shade}%)"
