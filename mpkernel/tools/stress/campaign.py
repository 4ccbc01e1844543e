"""Many trials: one after the other here, or several at once on a Dask cluster.

Each trial is a process of its own. What is finished is told at once, so that nothing of it is lost
when the cluster goes away.

State: none. Context: the host; no machine in this process.
"""

import contextlib
import json
import logging
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from mpkernel.tools.stress.plan import Plan, Result

#: How long a scheduler may take to answer, and its first worker to come.
_PATIENCE_S: Final = 4
WORKER_PATIENCE_S: Final = 30
#: Told while a trial runs: seed, seconds since it began.
Progress = Callable[[int, float], None]


class ClusterError(Exception):
    """There is no cluster, or no more; the text is one line."""


def quiet(_seed: int, _seconds: float) -> None:
    """Show no progress."""


def run_here(plan: Plan, progress: Progress = quiet) -> Result:
    """Run a trial in a process of its own; it is ended with this one's patience."""
    command = [sys.executable, "-m", "mpkernel.tools.stress.trial", plan.encode()]
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        result = None
        try:
            for line in process.stdout:
                words = _decoded(line)
                if "result" in words:
                    result = Result.decode(json.dumps(words["result"]))
                elif "elapsed" in words:
                    progress(plan.seed, words["elapsed"])
            said = process.stderr.read().splitlines()
        except BaseException:
            process.terminate()
            raise
    if result is None:
        result = Result(plan.seed, status=process.returncode)
        result.problems = [f"the trial ended with status {process.returncode}, without a result"]
    if not result.passed:
        result.problems += said[-20:]
    return result


def run_on_cluster(plans: Sequence[Plan], jobs: int, address: str | None) -> Iterator[Result]:
    """Run trials on a cluster, the local one if there is no address; results as they come.

    Raises:
        ClusterError: it is not there, or goes away.
    """
    try:
        import distributed  # noqa: PLC0415  an extra of the package
    except ImportError:
        raise ClusterError("several trials at once need pip install mpkernel[cluster]") from None
    for name in ("distributed", "distributed.client"):  # what is wrong is said once, here
        logging.getLogger(name).setLevel(logging.CRITICAL)
    where = address or "of this host"
    try:
        with _cluster(distributed, jobs, address) as found, _client(distributed, found) as client:
            _wait_for_a_worker(client, where)
            futures = [client.submit(run_text, plan.encode(), pure=False) for plan in plans]
            for future in distributed.as_completed(futures):
                yield Result.decode(future.result())
    except (OSError, TimeoutError, distributed.comm.CommClosedError) as error:
        raise ClusterError(f"the cluster {where} does not answer: {error}") from None
    except (distributed.KilledWorker, distributed.client.FutureCancelledError) as error:
        raise ClusterError(f"the cluster {where} lost a trial: {error}") from None
    except (ImportError, RuntimeError) as error:  # as its scheduler or a worker has raised it
        text = " ".join(str(error).split())
        raise ClusterError(f"the cluster {where} needs this mpkernel installed: {text}") from None


def run_text(plan: str) -> str:
    """Run a trial on a worker."""
    return run_here(Plan.decode(plan)).encode()


def _cluster(distributed: Any, jobs: int, address: str | None) -> Any:
    """Return a context manager that gives what a client connects to."""
    if address is not None:
        return contextlib.nullcontext(address)
    return distributed.LocalCluster(
        n_workers=jobs, threads_per_worker=1, dashboard_address=None, silence_logs=50
    )


def _client(distributed: Any, where: Any) -> Any:
    return distributed.Client(where, timeout=_PATIENCE_S)


def _wait_for_a_worker(client: Any, where: str) -> None:
    try:
        client.wait_for_workers(1, timeout=WORKER_PATIENCE_S)
    except TimeoutError:
        raise ClusterError(f"the cluster {where} has no worker") from None


def _decoded(line: str) -> dict[str, Any]:
    try:
        words = json.loads(line)
    except ValueError:
        return {}
    return words if isinstance(words, dict) else {}
