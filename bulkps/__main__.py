"""``python -m bulkps`` and the console script."""

import sys


def main() -> None:
    """Run the command line."""
    try:
        # Loading takes a moment; Ctrl-C during it is not an error either.
        from bulkps.cli import cli  # noqa: PLC0415

        cli(prog_name="bulkps")
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted. Nothing was sent.\n")
        if "--json" in sys.argv:
            sys.stdout.write('{"error": "interrupted", "exit_code": 130}\n')
        sys.exit(130)


if __name__ == "__main__":
    main()
