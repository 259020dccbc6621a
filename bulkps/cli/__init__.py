"""The command line: one group, a thin face of the library."""

from bulkps.cli.group import cli

__all__ = ["cli"]
