"""House rule 6: steps take what they need. Settings are turned into values at the entry points, and nowhere else."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("streaming", "stack", "bench", "training", "backend")

ENTRIES = {
    "backend/wiring.py": "the composition root: settings in, parts out",
    "streaming/wiring.py": "the same for the values of streaming's steps",
    "training/wiring.py": "the same for training's",
    "training/train.py": "a whole training: makes its workshop of them",
    "training/tune.py": "a whole search: where its study and its lock lie",
    "stack/plan.py": "reads which addresses somebody set, and hands every setting on to child processes",
    "stack/daemon.py": "the supervisor's process",
    "bench/answering.py": "measures a stack of its own, and reaches its server as a client does",
    "bench/crowd.py": "puts a made-up model and its listeners into the parts of such a stack",
    "bench/taking_in.py": "the same for what it takes in",
    "stack/stack.py": "starts that process with these settings, and answers with the addresses filled in",
}
"""Modules that may take Settings, each with its reason."""


def _settings_parameters(source: str) -> list[str]:
    """`function(parameter)` of every parameter whose annotation names backend.settings' Settings."""
    tree = ast.parse(source)
    names = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "backend.settings"
        for alias in node.names
        if alias.name == "Settings"
    }
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            given = node.args
            every = [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg]
            found += [
                f"{node.name}({one.arg})"
                for one in every
                if one is not None and one.annotation is not None and _names(one.annotation, names)
            ]
    return found


def _names(annotation: ast.expr, names: set[str]) -> bool:
    for node in ast.walk(annotation):
        if isinstance(node, ast.Name) and node.id in names:
            return True
        if isinstance(node, ast.Attribute) and ast.unparse(node) in ("settings.Settings", "backend.settings.Settings"):
            return True
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            try:
                quoted = ast.parse(node.value, mode="eval").body
            except SyntaxError:  # a Literal's text, not an annotation in quotes
                continue
            if _names(quoted, names):
                return True
    return False


def _modules() -> Iterator[tuple[str, str]]:
    for room in ROOMS:
        for file in sorted((ROOT / room).rglob("*.py")):
            yield str(file.relative_to(ROOT)), file.read_text()


def test_only_entry_points_take_settings() -> None:
    """A function that is given all settings hides which of them it needs; give it values, made in a wiring module."""
    taken = {name: found for name, text in _modules() if name not in ENTRIES and (found := _settings_parameters(text))}
    assert {} == taken


def test_every_entry_point_needs_its_allowance() -> None:
    """A module that takes no settings any more leaves the list."""
    assert [] == [name for name in ENTRIES if not _settings_parameters((ROOT / name).read_text())]


@pytest.mark.parametrize(
    "text",
    [
        "def f(settings: Settings) -> None: ...",
        "def f(*, settings: 'Settings | None' = None) -> None: ...",
        "async def f(make: Callable[[Settings], int]) -> None: ...",
        "class C:\n    def f(self, *every: Settings) -> None: ...",
    ],
)
def test_an_annotation_is_found_however_it_is_written(text: str) -> None:
    """In quotes, inside another type, of a method; other classes whose names end so are not meant."""
    line = "from backend.settings import Settings\n"
    assert 1 == len(_settings_parameters(line + text))
    assert [] == _settings_parameters(line + text.replace("Settings", "AlsSettings"))
    assert [] == _settings_parameters(text)
