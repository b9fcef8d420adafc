"""Reads a YAML file that a person wrote, and says every mistake in it at once, where it stands."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from controller.errors import ConfigError
from controller.mistakes import Mistake, explain, twice
from controller.storage import os_says

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

M = TypeVar("M", bound=BaseModel)


def read(
    path: Path,
    model: type[M],
    clashes: Callable[[yaml.Node, Any], Iterable[Mistake]],
    if_empty: str,
) -> M:
    """What ``path`` says, as ``model`` has it.

    ``clashes`` finds what is right by itself and can't stand together; ``if_empty`` says
    what to do with an empty file. Raises ConfigError with every mistake, a line each, as
    ``file:line:column: key: what is wrong; what is allowed``.
    """
    root, data = _parsed(path)
    if root is None:
        raise ConfigError(f"{path}:1:1: the file is empty; {if_empty}")
    mistakes = [*twice(root, (), set()), *clashes(root, data)]
    try:
        made = model.model_validate(data)
    except ValidationError as error:
        for details in error.errors():
            mistakes.extend(explain(model, root, details))
    if mistakes:
        mistakes.sort(key=lambda mistake: (mistake.line, mistake.column))
        raise ConfigError(
            "\n".join(f"{path}:{m.line}:{m.column}: {m.key}: {m.text}" for m in mistakes)
        )
    return made


def text_of(path: Path) -> str:
    """What is in a file that should be text. Raises ConfigError."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: {os_says(error)}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 text (byte {error.start})") from error


def _parsed(path: Path) -> tuple[yaml.Node | None, Any]:
    loader = _Loader(text_of(path))
    try:
        root = loader.get_single_node()
        return root, loader.construct_document(root) if root is not None else None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else f"{path}"
        raise ConfigError(f"{where}: not YAML: {error.problem or error.context}") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: not YAML: {str(error).splitlines()[0]}") from error
