"""``python -m bench [SUBJECT...]``: measure, show the table, write the figures as JSON.

The table goes to standard error, the JSON to standard output: ``python -m bench > figures.json``.
"""

import sys
from collections.abc import Callable
from typing import Final

import click
from rich.console import Console

from bench import boot, contention, instructions, ipi, locks, scaling, syscall, tlb
from bench.harness import BenchError, Figure, show, to_json

SUBJECTS: Final[dict[str, Callable[[int], list[Figure]]]] = {
    "boot": boot.measure,
    "contention": contention.measure,
    "instructions": instructions.measure,
    "syscall": syscall.measure,
    "ipi": ipi.measure,
    "locks": locks.measure,
    "scaling": scaling.measure,
    "tlb": tlb.measure,
}


@click.command()
@click.argument("subjects", nargs=-1, type=click.Choice(list(SUBJECTS)))
@click.option(
    "--repeats", default=3, show_default=True, help="Repeats, of which the median counts."
)
def main(subjects: tuple[str, ...], repeats: int) -> None:
    """Measure SUBJECTS, or all."""
    console = Console(stderr=True, width=None if sys.stderr.isatty() else 110)
    figures: list[Figure] = []
    failed = False
    for name in subjects or SUBJECTS:
        try:
            with console.status(f"measuring {name}"):
                figures += SUBJECTS[name](repeats)
        except BenchError as error:
            console.print(f"{name}: {error}", style="red", markup=False)
            failed = True
    show(figures, console)
    click.echo(to_json(figures))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
