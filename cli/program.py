"""What the `segue` program begins with: Ctrl-C ends it with one line, also while its modules are still being read."""

import sys


def main() -> None:
    """Run the command line; exit codes are those of `cli.main`."""
    try:
        from cli.main import main as command

        command()
    except KeyboardInterrupt:
        is_json = "--json" in sys.argv[1:]
        sys.stderr.write('{"error": "Interrupted", "message": "interrupted"}\n' if is_json else "✗ interrupted\n")
        sys.exit(130)


if __name__ == "__main__":
    main()
