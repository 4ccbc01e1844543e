"""``mpkernel stress``: machines worked hard and disturbed, and a verdict.

State: none. Context: the host; each machine is a process of its own.
"""

import contextlib
from collections.abc import Generator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from mpkernel.cli.options import Names
from mpkernel.tools.stress.plan import INJECTIONS, WORKLOADS, Plan, Result

if TYPE_CHECKING:
    from rich.console import Console

STATUS_FAILED: Final = 1
STATUS_REFUSED: Final = 2
_MOST_CORES: Final = 64


@click.command(
    short_help="Work machines hard, disturb them, check that all holds.",
    epilog="""\b
Examples:
  mpkernel stress --duration 30                 all workloads on four cores
  mpkernel stress --cpus 8 --workload locks,tlb --seed 7
  mpkernel stress --inject delays,ipi-storm     a busy host, a noisy board
  mpkernel stress --seeds 20 --jobs 4           twenty seeds, four machines at a time
  mpkernel stress --seeds 100 --cluster tcp://10.0.0.1:8786 --junit stress.xml

Status: 0 all that ran passed, 1 something failed, 2 bad usage or no cluster.
""",
)
@click.option("--cpus", type=click.IntRange(1, _MOST_CORES), default=4, show_default=True,
              help="Cores of a machine.")  # fmt: skip
@click.option("--duration", "duration_s", type=click.FloatRange(min=1), default=10.0,
              show_default=True, metavar="SECONDS", help="Of a trial.")  # fmt: skip
@click.option("--workload", "workloads", type=Names(WORKLOADS), default="all", show_default=True,
              metavar="NAME,...", help=f"Of {', '.join(WORKLOADS)}; or all.")  # fmt: skip
@click.option("--inject", type=Names(INJECTIONS), default=(), metavar="NAME,...",
              help=f"Of {', '.join(INJECTIONS)}; or all.")  # fmt: skip
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True,
              help="Chooses what is done and disturbed.")  # fmt: skip
@click.option("--seeds", type=click.IntRange(min=1), metavar="N",
              help="Trials, with this and the next seeds. Default: --jobs.")  # fmt: skip
@click.option("--jobs", type=click.IntRange(min=1), default=1, show_default=True,
              help="Machines at a time, on a local Dask cluster.")  # fmt: skip
@click.option("--cluster", metavar="ADDRESS", help="A Dask scheduler to use instead.")
@click.option("--junit", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="Write the results as JUnit XML.")  # fmt: skip
@click.option("--json", "json_file", type=click.Path(path_type=Path, dir_okay=False),
              metavar="FILE", help="Write the results as JSON.")  # fmt: skip
def stress(  # noqa: PLR0913  one argument an option
    *,
    cpus: int,
    duration_s: float,
    workloads: tuple[str, ...],
    inject: tuple[str, ...],
    seed: int,
    seeds: int | None,
    jobs: int,
    cluster: str | None,
    junit: Path | None,
    json_file: Path | None,
) -> int:
    """Run machines under stress and check them while they run.

    Counts are exact, a task runs on one CPU only, frames are accounted for, no lock is misused, and
    everything gets on.

    A trial with kill-core passes when the machine stops and names the core.
    """
    from rich.console import Console  # noqa: PLC0415  --help needs none of it

    from mpkernel.tools.stress import summary  # noqa: PLC0415
    from mpkernel.tools.stress.campaign import ClusterError  # noqa: PLC0415

    first = Plan(seed, cpus, duration_s, workloads, inject)
    plans = [replace(first, seed=seed + number) for number in range(seeds or jobs)]
    results: list[Result] = []
    refusal = None
    try:
        with contextlib.closing(_results(plans, jobs, cluster)) as coming:
            for result in coming:
                results.append(result)
                _tell(Console(), result)
    except ClusterError as error:
        refusal = str(error)
    finally:
        results.sort(key=lambda result: result.seed)
        if json_file is not None:
            json_file.write_text(summary.to_json(plans, results))
        if junit is not None:
            junit.write_text(summary.to_junit(plans, results))
    if len(plans) > 1:
        _table(Console(), plans, results)
    if refusal is not None:
        done = f" ({len(results)} of {len(plans)} trials are done)" if results else ""
        raise click.ClickException(f"{refusal}{done}")
    return 0 if all(result.passed for result in results) else STATUS_FAILED


def _results(
    plans: Sequence[Plan], jobs: int, cluster: str | None
) -> Generator[Result, None, None]:
    """Results as they come, with a progress bar on a terminal."""
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import (  # noqa: PLC0415
        BarColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
    )

    from mpkernel.tools.stress import campaign  # noqa: PLC0415

    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    terminal = Console(stderr=True)
    with Progress(
        *columns, console=terminal, transient=True, disable=not terminal.is_terminal
    ) as bar:
        if jobs == 1 and cluster is None:
            for plan in plans:
                trial = bar.add_task(f"seed {plan.seed}", total=plan.duration_s)

                def show(_seed: int, seconds: float, trial: Any = trial) -> None:
                    bar.update(trial, completed=seconds)

                yield campaign.run_here(plan, show)
                bar.remove_task(trial)
            return
        whole = bar.add_task(f"{len(plans)} trials", total=len(plans))
        for result in campaign.run_on_cluster(plans, jobs, cluster):
            bar.advance(whole)
            yield result


def _tell(console: "Console", result: Result) -> None:
    """Say what came of a trial, and of one that failed why."""
    work = ", ".join(f"{count} {name}" for name, count in result.counts.items() if count)
    verdict = "passed" if result.passed else "FAILED"
    text = f"seed {result.seed}: {verdict} in {result.seconds:.1f} s ({work})"
    console.print(text, highlight=False, soft_wrap=True)
    for problem in result.problems if not result.passed else ():
        console.print(f"  {problem}", markup=False, highlight=False)


def _table(console: "Console", plans: Sequence[Plan], results: Sequence[Result]) -> None:
    """All trials in one table."""
    from rich.table import Table  # noqa: PLC0415

    by_seed = {result.seed: result for result in results}
    table = Table("seed", "verdict", "status", "seconds", "problems")
    for plan in plans:
        result = by_seed.get(plan.seed)
        if result is None:
            table.add_row(str(plan.seed), "not run", "", "", "")
        else:
            first = result.problems[0].splitlines()[0] if result.problems else ""
            verdict = "passed" if result.passed else "FAILED"
            table.add_row(
                str(result.seed), verdict, str(result.status), f"{result.seconds:.1f}", first
            )
    console.print(table)
