"""Every mutant's trial, some at a time."""

import queue
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from tests.mutants import copies
from tests.mutants.catalogue import Mutant
from tests.mutants.checks import Check
from tests.mutants.run import end_all
from tests.mutants.trial import Baseline, Result, tried


def campaign(
    root: Path,
    mutants: Sequence[Mutant],
    checks: Callable[[str], tuple[Check, ...]],
    *,
    workers: int,
    tell: Callable[[str], None],
    tell_result: Callable[[Result], None],
) -> list[Result]:
    """Try all ``mutants`` on the tree at ``root``, each against the ``checks`` of its room.

    What is tried is the tree of this moment: it may be edited meanwhile. The results
    are in the order of ``mutants``; ``tell_result`` hears of each as it comes.
    Raises NotGreen.
    """
    free: queue.SimpleQueue[int] = queue.SimpleQueue()
    for worker in range(workers):
        free.put(worker)
    with tempfile.TemporaryDirectory(prefix="quench-mutants-") as folder:
        pristine = Path(folder) / "pristine"
        copies.take(root, pristine)
        baseline = Baseline(pristine, tell)

        def one(mutant: Mutant) -> Result:
            worker = free.get()
            try:
                return tried(mutant, checks(mutant.room), pristine, baseline, worker)
            finally:
                free.put(worker)

        with ThreadPoolExecutor(workers) as pool:
            trials = [pool.submit(one, mutant) for mutant in mutants]
            try:
                for trial in as_completed(trials):
                    tell_result(trial.result())
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                end_all()
                raise
        return [trial.result() for trial in trials]
