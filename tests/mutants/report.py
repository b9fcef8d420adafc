"""What came of it: lines for the terminal, and tables for the page."""

import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

from tests.mutants.catalogue import ROOMS, RULES, counted
from tests.mutants.trial import Result, Verdict

PAGE = "docs/mutation.md"


def line(result: Result) -> str:
    """One mutant, for the terminal."""
    mutant = result.mutant
    return (
        f"{result.verdict.value:8}  {mutant.rule} {mutant.room:7}  {mutant.name:32}"
        f"  {result.seconds:5.1f} s  {result.by}"
    ).rstrip()


def summary(results: Sequence[Result], took_s: float) -> str:
    """All of them; those that are not killed by name."""
    alive = [result for result in results if not result.killed]
    told = [f"  {line(result)}\n            {result.mutant.wrong}" for result in alive]
    killed = len(results) - len(alive)
    return "\n".join([f"{killed} of {len(results)} mutants killed in {took_s:.0f} s", *told])


def write(root: Path, results: Sequence[Result]) -> None:
    """Put the tables of ``results`` into the page, in place of those of the last run."""
    _put(root, "mutants", "\n\n".join(_tables(root, results)))


def write_score(root: Path, scores: Sequence[tuple[str, int, int]]) -> None:
    """Put ``scores`` into the page: names, how many there are, and how many were found."""
    rows = [(name, all_, found, f"{found / all_:.1%}") for name, all_, found in scores]
    table = _table(["module", "mutants", "found", "score"], rows)
    _put(root, "score", f"At commit {_commit(root)}:\n\n{table}")


def _put(root: Path, part: str, body: str) -> None:
    page = root / PAGE
    begin, end = f"<!-- {part}: begin, written by the program -->", f"<!-- {part}: end -->"
    before, _, rest = page.read_text(encoding="utf-8").partition(begin)
    _, _, after = rest.partition(end)
    page.write_text(f"{before}{begin}\n\n{body}\n\n{end}{after}", encoding="utf-8")


def _tables(root: Path, results: Sequence[Result]) -> Iterable[str]:
    killed = sum(result.killed for result in results)
    yield f"At commit {_commit(root)}: {killed} of {len(results)} killed."
    count = counted([result.mutant for result in results])
    rows = [(rule, [count[rule, room] for room in ROOMS]) for rule in RULES]
    rows.append(("all", [sum(column) for column in zip(*(row for _, row in rows), strict=True)]))
    yield _table(["rule", *ROOMS, "all"], [[rule, *row, sum(row)] for rule, row in rows])
    for rule in RULES:
        yield f"### {rule}"
        yield _table(
            ["mutant", "room", "what goes wrong", "found by"],
            [
                [result.mutant.name, result.mutant.room, result.mutant.wrong, _by(result)]
                for result in results
                if result.mutant.rule == rule
            ],
        )


def _by(result: Result) -> str:
    by = result.by.removeprefix("tests/").replace("|", "\\|")
    return f"`{by}`" if result.verdict is Verdict.KILLED else f"**{result.verdict.value}** {by}"


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(str, cells))} |" for cells in lines)


def _commit(root: Path) -> str:
    described = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--abbrev=10", "--exclude=*"],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    )
    return described.stdout.strip()
