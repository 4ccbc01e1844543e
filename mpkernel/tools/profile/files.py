"""A profile as files, and in a few lines for the terminal.

State: none. Context: the host.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from mpkernel.tools.profile import flame_graph, speedscope
from mpkernel.tools.profile.samples import Samples

_MOST_PARTS: Final = 4


def names_of(target: Path) -> tuple[Path, Path]:
    """Return the picture's file and speedscope's."""
    stem = target.with_suffix("") if target.suffix in (".svg", ".json") else target
    return stem.with_name(f"{stem.name}.svg"), stem.with_name(f"{stem.name}.speedscope.json")


def write_profile(samples: Samples, target: Path) -> None:
    """Write both files."""
    title = f"mpkernel: {samples.total()} samples, {samples.rate} a second"
    picture, scope = names_of(target)
    picture.write_text(flame_graph.svg(samples, title))
    scope.write_text(speedscope.to_json(samples, title))


def summary(samples: Samples) -> Iterator[str]:
    """Yield a line a core: seconds sampled, and where most of them went."""
    for party, parts in samples.parts().items():
        total = parts.total()
        most = ", ".join(
            f"{part} {100 * count / total:.0f} %" for part, count in parts.most_common(_MOST_PARTS)
        )
        yield f"{party:14} {total / samples.rate:6.2f} s  {most}".rstrip()
