"""The command line: one group of commands, a thin layer over the library."""

from bulkps.cli.group import cli

__all__ = ["cli"]
