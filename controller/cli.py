"""The command ``quench``. The only module that names concrete drivers and the simulator."""

import argparse
import logging
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from controller.errors import QuenchError, UsageError

if TYPE_CHECKING:
    from controller.bookkeeping import Books
    from controller.config import Config
    from sim.recording import Recording

log = logging.getLogger("quench")

JOURNAL_NAME = "quench.db"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Returns the exit code: 0 ok, 1 failed, 2 usage, 78 bad configuration."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(format="quench: %(message)s", level=logging.WARNING, stream=sys.stderr)
    log.setLevel(logging.INFO)
    try:
        code: int | None = options.do(options)
    except QuenchError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:
        sys.stderr.close()
        return 1
    except KeyboardInterrupt:
        return 130
    return code or 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="quench", description="The controller of a drinks machine that teaches not to scan."
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    _add_sim(commands)

    run = commands.add_parser("run", help="the real controller on the hardware of the config")
    _add_config(run)
    run.set_defaults(do=_run)

    check = commands.add_parser("check", help="every mistake in the config at once")
    _add_config(check)
    check.set_defaults(do=_check)

    board = commands.add_parser("board", help="an emulated relay board on a pty")
    board.add_argument("dialect", help="what it speaks, such as lcus")
    board.add_argument("--channels", type=int, default=2, help="how many relays it has (2)")
    board.add_argument("--link", type=Path, help="a path to find it under")
    told = "a switch that is thrown at the start, such as silent; 'help' at the prompt has them all"
    board.add_argument("--fault", action="append", default=[], metavar="NAME", help=told)
    board.set_defaults(do=_board)

    relay = commands.add_parser("relay", help="a real board by hand: find it, look, click")
    deeds = relay.add_subparsers(title="what to do", metavar="DEED", required=True)
    for deed, told in {
        "probe": "find out which dialect answers, without energising anything",
        "status": "what the board says of its coils, without switching anything",
        "on": "energise a channel until it is told OFF",
        "off": "de-energise a channel",
        "pulse": "energise a channel for a moment",
    }.items():
        parser_of_deed = deeds.add_parser(deed, help=told)
        _add_config(parser_of_deed)
        _add_relay(parser_of_deed, deed)
        parser_of_deed.set_defaults(do=_relay, deed=deed)

    _add_campaigns(commands)

    explore = commands.add_parser(
        "explore", help="every reachable state of the rules, every event, fault and crash"
    )
    told = "follow no state that is N steps from the start or farther (follow all)"
    explore.add_argument("--depth", type=_some, metavar="N", help=told)
    explore.add_argument("--json", action="store_true", help="as data, at the end")
    explore.set_defaults(do=_explore)

    stock = commands.add_parser("stock", help="what is loaded; load drinks")
    _add_journal(stock)
    stock.set_defaults(do=lambda options: _books(options).show_stock())
    load = stock.add_subparsers(metavar="load").add_parser("load", help="say what a slot holds now")
    _add_journal(load, again=True)
    load.add_argument("slot", help="its name")
    load.add_argument("drinks", type=_count, nargs="?", help="how many it holds now (it is full)")
    load.set_defaults(do=lambda options: _books(options).load(options.slot, options.drinks))

    journal = commands.add_parser("journal", help="what happened; settle what is unknown")
    _add_journal(journal)
    journal.add_argument("--last", type=_count, default=20, help="how many dispenses (20)")
    journal.set_defaults(do=lambda options: _books(options).show_dispenses(options.last))
    reconcile = journal.add_subparsers(metavar="reconcile").add_parser(
        "reconcile", help="say what a dispense of unknown outcome really did"
    )
    _add_journal(reconcile, again=True)
    reconcile.add_argument("id", type=_count, help="the dispense")
    reconcile.add_argument(
        "found",
        choices=("dispensed", "remaining", "failed"),
        help="the drink was given, is still in the slot, or is lost",
    )
    reconcile.set_defaults(do=lambda options: _books(options).reconcile(options.id, options.found))
    return parser


def _add_sim(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    sim = commands.add_parser("sim", help="the real controller against a simulated machine")
    _add_config(sim)
    sim.add_argument("--port", type=_port, help="web port, 0 for a free one (the config's)")
    told = "virtual seconds in each real one; 0: as fast as it goes (1)"
    sim.add_argument("--speed", type=_speed, default=1.0, metavar="X", help=told)
    sim.add_argument("--seed", type=_count, help="make the codes repeatable; for tests")
    sim.add_argument("--state-dir", type=Path, help="keep the journal here (a temporary folder)")
    sim.add_argument("--record", type=Path, metavar="FILE", help="write down all that is done")
    sim.add_argument("--tui", action="store_true", help="show it, and play with it, here")
    again = sim.add_mutually_exclusive_group()
    again.add_argument("--replay", type=Path, metavar="FILE", help="play what was written down")
    told = "play a run of 'quench fuzz': its seed, or the plan that 'quench replay' prints"
    again.add_argument("--seed-trace", metavar="SEED", help=told)
    sim.set_defaults(do=_sim)
    more = sim.add_subparsers(metavar="run|export")
    play = more.add_parser("run", help="play scenarios, without a browser and as fast as it goes")
    told = "a scenario, or the name of one that comes with quench (all of those)"
    play.add_argument("files", nargs="*", metavar="FILE", help=told)
    play.add_argument("--junit", type=Path, metavar="FILE", help="write a report for CI servers")
    play.add_argument("--list", action="store_true", help="name those that come with quench")
    play.set_defaults(do=_play)
    export = more.add_parser("export", help="make a test of what was written down")
    export.add_argument("file", type=Path, metavar="FILE", help="that of 'quench sim --record'")
    export.add_argument("--pytest", action="store_true", required=True, help="a test for pytest")
    export.set_defaults(do=_export)


def _add_campaigns(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    fuzz = commands.add_parser("fuzz", help="a campaign of visitors and faults, from seeds")
    fuzz.add_argument("--visits", type=_some, default=20_000, help="how many (20000)")
    fuzz.add_argument("--minutes", type=_minutes, help="for how long, in place of --visits")
    fuzz.add_argument("--seed", type=_count, default=1, help="of the first run (1)")
    fuzz.add_argument("--workers", type=_some, default=1, help="processes (1)")
    _add_choice(fuzz)
    told = "in place of it: crash at every instant of a few scenarios, and again in the recovery"
    fuzz.add_argument("--crash-everywhere", action="store_true", help=told)
    fuzz.add_argument("--json", action="store_true", help="the summary for a program to read")
    fuzz.set_defaults(do=_fuzz)

    replay = commands.add_parser("replay", help="one run of a campaign again, as a readable trace")
    replay.add_argument("seed", type=_count, nargs="?", help="the run that 'quench fuzz' named")
    replay.add_argument("--plan", metavar="TEXT", help="a run that is written out, in place of it")
    replay.add_argument("--visits", type=_some, default=None, help="as they were in that run")
    replay.add_argument("--shrunk", action="store_true", help="thin a run with a violation out")
    replay.add_argument("--html", type=Path, metavar="FILE", help="draw it as a page")
    replay.add_argument("--save", type=Path, metavar="DIR", help="put the journal there")
    _add_choice(replay)
    replay.add_argument("--json", action="store_true", help="only plan, hash and violation")
    replay.set_defaults(do=_replay)


def _add_config(parser: argparse.ArgumentParser, *, again: bool = False) -> None:
    """``again``: the option may also stand after a subcommand, and is the outer one if not."""
    default = argparse.SUPPRESS if again else Path("config.yaml")
    parser.add_argument("--config", type=Path, default=default, help="the machine (config.yaml)")


def _add_relay(parser: argparse.ArgumentParser, deed: str) -> None:
    parser.add_argument("--port", help="the serial port, or usb:VVVV:PPPP (the config's)")
    parser.add_argument("--baud", type=_count, help="its speed (the config's, or 9600)")
    parser.add_argument("--address", type=_count, help="on a bus (the config's, or 1)")
    if deed != "probe":
        told = "how many relays it has (the config's, or 8)"
        parser.add_argument("--channels", type=_count, help=told)
        parser.add_argument("--driver", help="the dialect (the config's)")
    if deed in ("on", "off", "pulse"):
        parser.add_argument("--channel", type=_count, default=1, help="which relay (1)")
    if deed == "pulse":
        parser.add_argument("--pulse-ms", type=_count, default=1_000, help="how long (1000)")
    if deed in ("on", "pulse"):
        parser.add_argument("--yes", action="store_true", help="click without asking")


def _add_choice(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--faults", default="all", help="all, none, or names with commas (all)")
    parser.add_argument("--dialect", default="all", help="of the board, one alone (all)")


def _add_journal(parser: argparse.ArgumentParser, *, again: bool = False) -> None:
    _add_config(parser, again=again)
    default = argparse.SUPPRESS if again else None
    told = "the journal of a 'quench sim --state-dir'"
    parser.add_argument("--state-dir", type=Path, default=default, help=told)


def _port(text: str) -> int:
    if text.isdecimal() and int(text) <= 65535:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a port; allowed: 0 to 65535")


def _count(text: str) -> int:
    if text.isdecimal():
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0 up")


def _some(text: str) -> int:
    if text.isdecimal() and int(text) > 0:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 up")


def _speed(text: str) -> float:
    try:
        speed = float(text)
    except ValueError:
        speed = -1.0
    if 0 <= speed <= 10_000:
        return speed
    raise argparse.ArgumentTypeError(f"{text!r} is not a speed; allowed: 0 to 10000")


def _minutes(text: str) -> float:
    try:
        minutes = float(text)
    except ValueError:
        minutes = 0.0
    if 0 < minutes < 1e6:
        return minutes
    raise argparse.ArgumentTypeError(f"{text!r} is not a number of minutes above 0")


# -- run and sim ------------------------------------------------------------------------


def _run(options: argparse.Namespace) -> None:
    from controller import process
    from controller.clock import MonotonicClock
    from controller.config import load
    from drivers import registry
    from drivers.hal import open_with_off
    from drivers.sensors import open_sensor

    config = load(options.config)
    clock = MonotonicClock()
    driver = registry.load(config.hardware.relay.driver)
    _warn(config)
    process.run(
        config,
        clock=clock,
        open_relay=lambda settings: open_with_off(driver, settings, clock),
        open_sensor=open_sensor,
        journal_path=Path(config.journal.path),
        random_bytes=_system_random(),
    )


def _sim(options: argparse.Namespace) -> None:
    import secrets
    from datetime import datetime

    from controller.clock import MonotonicClock
    from controller.config import load
    from controller.journal import utc_date
    from sim import sim_program

    folder: Path | None = options.state_dir
    replayed = _replayed(options)
    config = load(options.config) if replayed is None else replayed.config
    if options.port is not None:
        config = config.model_copy(
            update={"web": config.web.model_copy(update={"port": options.port})}
        )
    wanted = sim_program.Wanted(
        seed=secrets.randbits(64) if options.seed is None else options.seed,
        opening=datetime.fromisoformat(utc_date()),
        speed=options.speed,
        journal=None if folder is None else folder / JOURNAL_NAME,
        replayed=replayed,
        record=options.record,
    )
    face = None
    if options.tui:
        from sim.tui import program

        face = program.face()
    sim_program.run(
        config, wanted, clock=MonotonicClock(), build=lambda: secrets.token_hex(4), face=face
    )


def _replayed(options: argparse.Namespace) -> "Recording | None":
    """What is to be played again."""
    from sim import recording

    if options.record is not None and options.state_dir is not None:
        told = "a machine with a journal that is kept can't be played again from its beginning"
        raise UsageError(f"--record: {told}; leave out --state-dir")
    if options.replay is None and options.seed_trace is None:
        return None
    for name, given in {
        "--seed": options.seed,
        "--state-dir": options.state_dir,
        "--record": options.record,
    }.items():
        if given is not None:
            raise UsageError(f"{name}: what is played again brings its own; leave it out")
    if options.replay is not None:
        return recording.load(options.replay)
    return recording.of_run(options.seed_trace)


def _export(options: argparse.Namespace) -> None:
    from sim import export, recording

    print(export.pytest_module(recording.load(options.file)), end="")


def _play(options: argparse.Namespace) -> int:
    from sim import scenario_program

    if options.list:
        return scenario_program.show()
    return scenario_program.run(options.files, report=options.junit)


def _system_random() -> "Callable[[int], bytes]":
    import secrets

    return secrets.token_bytes


def _warn(config: "Config") -> None:
    for risk in config.risks():
        log.warning("WARNING: %s", risk)


# -- check --------------------------------------------------------------------------------


def _check(options: argparse.Namespace) -> None:
    from controller.config import load

    config = load(options.config)
    _warn(config)
    print(f"{options.config}: ok")


# -- board and relay ----------------------------------------------------------------------


def _board(options: argparse.Namespace) -> None:
    from controller.clock import MonotonicClock
    from controller.process import Signals
    from sim import board_program

    stop = Signals()
    board_program.run(
        options.dialect,
        channels=options.channels,
        link=options.link,
        faults=options.fault,
        clock=MonotonicClock(),
        stopping=lambda: bool(stop.received),
    )


def _relay(options: argparse.Namespace) -> None:
    from controller import by_hand
    from controller.clock import MonotonicClock

    by_hand.do(options, MonotonicClock())


# -- the fault campaign --------------------------------------------------------------------


def _fuzz(options: argparse.Namespace) -> int:
    from controller.clock import MonotonicClock
    from sim import fuzz

    if options.crash_everywhere:
        return fuzz.crash(workers=options.workers, as_json=options.json)
    chosen = fuzz.choice(options.faults, options.dialect, options.visits)
    return fuzz.fuzz(
        options.seed,
        chosen,
        _asked(options),
        visits=options.visits,
        minutes=options.minutes,
        workers=options.workers,
        clock=MonotonicClock(),
        as_json=options.json,
    )


def _replay(options: argparse.Namespace) -> int:
    from sim import fuzz
    from sim.plan import VISITS

    chosen = fuzz.choice(options.faults, options.dialect, options.visits or VISITS)
    plan = fuzz.plan_of(options.seed, options.plan, chosen)
    return fuzz.replay(
        plan,
        shrunk=options.shrunk,
        html=options.html,
        save=options.save,
        as_json=options.json,
    )


def _asked(options: argparse.Namespace) -> list[str]:
    """What a replay must be told as well."""
    from sim.plan import VISITS

    asked = {"--faults": options.faults, "--dialect": options.dialect}
    words = [word for pair in asked.items() if pair[1] != "all" for word in pair]
    return words if options.visits >= VISITS else [*words, "--visits", str(options.visits)]


# -- explore --------------------------------------------------------------------------------


def _explore(options: argparse.Namespace) -> None:
    from sim.explore import program

    program.run(options.depth, as_json=options.json)


# -- stock and journal ----------------------------------------------------------------------


def _books(options: argparse.Namespace) -> "Books":
    from controller.bookkeeping import Books
    from controller.config import load

    config = load(options.config)
    state_dir: Path | None = options.state_dir
    path = Path(config.journal.path) if state_dir is None else state_dir / JOURNAL_NAME
    return Books(config, path)


if __name__ == "__main__":
    sys.exit(main())
