"""``python -m bulkps`` and the console script."""

from bulkps.cli import cli


def main() -> None:
    """Run the command line."""
    cli(prog_name="bulkps")


if __name__ == "__main__":
    main()
