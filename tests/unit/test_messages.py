"""What messages and documents tell people to type exists."""

import re
import subprocess
from pathlib import Path

import typer

from cli import main

ROOT = Path(__file__).parents[2]
SPOKEN = [
    ROOT / name
    for name in subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    if Path(name).suffix in {".py", ".md", ".toml", ".yml", ".sh", ".sql"}
    or Path(name).name in {"Makefile", "Dockerfile"}
    if not name.startswith("proto/") and Path(name).name not in {"CHANGELOG.md", Path(__file__).name}
]
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
# What is typed stands in quotes or begins a line of a shell block; prose may make the rest.
MAKE = re.compile(r"""(?:[`"']|next step: |```sh\n(?:[^`]*\n)?)make ([a-z-]+)(?=[`"' ;\n])""")
SEGUE = re.compile(r"""[`"'](?:\.venv/bin/)?segue ([a-z]+)((?: [a-z|]+)?)""")


def subcommands(command: str) -> set[str]:
    """The sub-commands of a command; none where it has no sub-commands."""
    app = main.build([command])
    for group in app.registered_groups:
        if group.name == command and isinstance(group.typer_instance, typer.Typer):
            commands = group.typer_instance.registered_commands
            return {one.name or (one.callback.__name__ if one.callback else "") for one in commands}
    return set()


def said(pattern: re.Pattern[str]) -> set[tuple[str, ...]]:
    """All that the pattern finds in code and documents, with its file."""
    return {
        (str(file.relative_to(ROOT)), *match.groups())
        for file in SPOKEN
        for match in pattern.finditer(file.read_text(encoding="utf-8"))
    }


def test_every_make_target_that_is_named_exists() -> None:
    """In messages, documents and comments."""
    found = said(MAKE)
    assert {"demo", "test", "env", "proto"} <= {target for _, target in found}
    assert [] == sorted(one for one in found if one[1] not in TARGETS)


def test_every_segue_command_that_is_named_exists() -> None:
    """With its sub-command, where it has some."""
    found = said(SEGUE)
    assert {"up", "jobs", "models", "tokens"} <= {command for _, command, _ in found}
    assert [] == sorted(one for one in found if one[1] not in main.COMMANDS)
    known = {command: subcommands(command) for command in main.COMMANDS}
    wrong = [
        (file, command, word)
        for file, command, words in found
        for word in words.strip().split("|")
        if word and known[command] and word not in known[command]
    ]
    assert [] == sorted(wrong)
