"""A command with sub-commands that is a command itself: `segue ingest PATH` beside `segue ingest tracks PATH`."""

from typing import Any

from typer.core import TyperGroup


def with_default(name: str) -> type[TyperGroup]:
    """A group whose command `name` is meant wherever the first word is none of its commands, `--help` included.

    A file that is called as a command is: `./tracks`.
    """

    class DefaultGroup(TyperGroup):
        def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
            if args and args[0] not in self.commands:
                args = [name, *args]
            return super().parse_args(ctx, args)

    return DefaultGroup
