"""The list of all that can go wrong, to throw and to mend."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from sim.tui.drawn import BAD, DIM
from sim.tui.keys import Hand, act, deed, switch
from sim.tui.view import View


class Faults(ModalScreen[None]):
    """What breaks and lasts, by place, then what happens once."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "throw"),
        Binding("m", "mend"),
        Binding("escape,f,q", "dismiss"),
    ]

    def __init__(self, view: View, do: Callable[[Hand], None]) -> None:
        """``do``: what somebody chooses is done by this."""
        super().__init__()
        self._do = do
        self._breakages: Sequence[Mapping[str, Any]] = view.hello["breakages"]
        self._mishaps: Sequence[Mapping[str, Any]] = view.hello["mishaps"]
        self._broken: frozenset[str] = frozenset(view.look["broken"])
        self._list = OptionList(
            *(Option(self._switch(each), id=each["name"]) for each in self._breakages),
            None,
            *(Option(_button(each), id=each["deed"]) for each in self._mishaps),
        )

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = "What can go wrong"
            yield self._list
            yield Static("enter: throw or mend · m: mend everything · esc: close", id="hint")

    def hear(self, view: View) -> None:
        """Some may be broken meanwhile, or mended."""
        broken = frozenset(view.look["broken"])
        changed, self._broken = broken ^ self._broken, broken
        for each in self._breakages:
            if each["name"] in changed:
                self._list.replace_option_prompt(each["name"], self._switch(each))

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Somebody chose one."""
        name = event.option.id
        assert name is not None, "each has one"
        once = any(each["deed"] == name for each in self._mishaps)
        self._do(deed(name) if once else switch(name))

    def action_throw(self) -> None:
        """The one that is marked."""
        self._list.action_select()

    def action_mend(self) -> None:
        """All of them."""
        self._do(act("mend"))

    def _switch(self, each: Mapping[str, Any]) -> Content:
        mark = ("[x] ", BAD) if each["name"] in self._broken else "[ ] "
        return Content.assemble(mark, (f"{each['place']}: {each['title']}: ", "bold"), each["told"])


def _button(each: Mapping[str, Any]) -> Content:
    return Content.assemble(("once ", DIM), (f"{each['title']}: ", "bold"), each["told"])
