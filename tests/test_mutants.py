"""The mutants themselves: each is where it says, and the program tells a slip from none."""

import ast
import re
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.mutants import trial
from tests.mutants.__main__ import main
from tests.mutants.catalogue import ROOMS, RULES, Mutant, Stale, load

MUTANTS = load()


@cache
def meant(file: str) -> str:
    """What that file says, whatever it looks like."""
    return ast.dump(ast.parse((ROOT / file).read_text(encoding="utf-8")))


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_is_up_to_date(mutant: Mutant) -> None:
    after = mutant.mutated(ROOT)
    assert ast.dump(ast.parse(after)) != meant(mutant.file), "only its looks have changed"
    assert mutant.wrong.endswith(".")
    assert "|" not in mutant.wrong


def test_a_mutant_that_is_not_is_told() -> None:
    gone = Mutant("x", "S1", "core", "controller/table.py", "", "no such text", "")
    with pytest.raises(Stale, match="0 times in controller/table"):
        gone.mutated(ROOT)
    twice = Mutant("x", "S1", "core", "controller/table.py", "", "Row(", "")
    with pytest.raises(Stale, match=r"\d\d times in"):
        twice.mutated(ROOT)


def test_there_are_enough_of_each_kind() -> None:
    assert [name for name, times in Counter(m.name for m in MUTANTS).items() if times > 1] == []
    rules, rooms = Counter(m.rule for m in MUTANTS), Counter(m.room for m in MUTANTS)
    assert set(rules) == set(RULES)
    assert set(rooms) == set(ROOMS)
    assert min(rules.values()) >= 6
    assert len(MUTANTS) >= 66


def written(folder: Path, file: str, old: str, new: str) -> list[str]:
    """A catalogue of one mutant, and what the program is told to use it."""
    (folder / "one.toml").write_text(
        f"rule = 'S1'\n[[mutant]]\nname = 'one'\nroom = 'core'\nfile = '{file}'\n"
        f"wrong = 'All of it.'\nold = '''{old}'''\nnew = '''{new}'''\n",
        encoding="utf-8",
    )
    return ["--catalogue", str(folder), "--workers", "1"]


QUICK = "tests/test_table.py::test_the_dwell_is_that_of_the_page_that_was_tapped"
TABLE, DWELL = "controller/table.py", '("code_is_current", "dwell_passed")'


@pytest.mark.parametrize(
    ("old", "new", "code", "told"),
    [
        (DWELL, '("code_is_current",)', 0, f"^killed .* {QUICK}\n1 of 1 mutants killed"),
        (DWELL, '("code_is_current", *("dwell_passed",))', 1, "^survived .*\n0 of 1 mutants"),
        ("no such text", "", 1, "^stale .* stands 0 times"),
        (DWELL, "(", 1, "^broken .* SyntaxError"),
    ],
    ids=["a slip", "none", "gone", "no Python"],
)
def test_what_becomes_of_a_mutant(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    old: str,
    new: str,
    code: int,
    told: str,
) -> None:
    assert main([*written(tmp_path, TABLE, old, new), "--against", QUICK]) == code
    said = capsys.readouterr().out
    assert re.search(told, said, re.MULTILINE), said


def test_a_process_that_a_test_starts_runs_the_mutant(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The tests' own process never opens that journal: only their children do."""
    canary = "tests/test_cli_errors.py::test_no_journal_yet"
    file, old, new = "controller/storage.py", "there is no journal yet", "nobody has written yet"
    assert main([*written(tmp_path, file, old, new), "--against", canary]) == 0
    assert f"  {canary}\n" in capsys.readouterr().out


def test_a_check_that_fails_by_itself_proves_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = written(tmp_path, TABLE, DWELL, '("code_is_current",)')
    assert main([*arguments, "--against", "tests/test_table.py::no_such_test"]) == 1
    said = capsys.readouterr()
    assert "killed" not in said.out
    assert "without any mutant: the tests named: exit code 4" in said.err


def test_a_mutant_that_hangs_its_check_is_found_by_that(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial, "LEAST_S", 0.0)
    monkeypatch.setattr(trial, "_PATIENCE", 2)
    old = "        if self._triggers[event.trigger].trigger(self, event):"
    endless = f"        while True:\n            pass\n{old}"
    arguments = written(tmp_path, "controller/machine.py", old, endless)
    assert main([*arguments, "--against", QUICK]) == 0
    assert f"  timeout in {QUICK}\n" in capsys.readouterr().out
