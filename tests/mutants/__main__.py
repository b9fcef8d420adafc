"""``python -m tests.mutants``: exit 1 if a mutant is left alive, or is of no use."""

import argparse
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.mutants import catalogue, report
from tests.mutants.campaign import campaign
from tests.mutants.catalogue import Mutant
from tests.mutants.checks import Check, checks, of_pytest
from tests.mutants.trial import NotGreen, Result

ROOT = Path(__file__).parents[2]


def main(arguments: Sequence[str] | None = None) -> int:
    chosen = _parser().parse_args(arguments)
    mutants = catalogue.load(chosen.catalogue)
    if chosen.names:
        mutants = _named(mutants, chosen.names)
    began_s = time.monotonic()
    say(f"{len(mutants)} mutants, {chosen.workers} at a time")

    def against(room: str) -> tuple[Check, ...]:
        return (of_pytest("the tests named", *chosen.against),) if chosen.against else checks(room)

    def tell_result(result: Result) -> None:
        say(report.line(result))

    try:
        results = campaign(
            ROOT, mutants, against, workers=chosen.workers, tell=say, tell_result=tell_result
        )
    except NotGreen as error:
        print(f"mutants: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    say(report.summary(results, time.monotonic() - began_s))
    if chosen.write:
        report.write(ROOT, results)
        say(f"written: {report.PAGE}")
    return 0 if all(result.killed for result in results) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m tests.mutants", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these mutants, or rules")
    parser.add_argument("--workers", type=int, default=2, help="how many at a time (2)")
    parser.add_argument(
        "--against", nargs="+", metavar="TEST", help="only these files or tests of pytest"
    )
    parser.add_argument("--write", action="store_true", help=f"put the results into {report.PAGE}")
    parser.add_argument(
        "--catalogue", type=Path, default=catalogue.FOLDER, help="the folder of the mutants"
    )
    return parser


def _named(mutants: Sequence[Mutant], names: Sequence[str]) -> list[Mutant]:
    unknown = set(names) - {mutant.name for mutant in mutants} - set(catalogue.RULES)
    if unknown:
        raise SystemExit(f"mutants: there is none called {', '.join(sorted(unknown))}")
    return [mutant for mutant in mutants if mutant.name in names or mutant.rule in names]


def say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    # So that what was started is ended, and what was copied removed.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(1))
    sys.exit(main())
