"""One module per command: its options, arguments and help, and only the imports that help needs.

The command itself is a module of the same name in ``bulkps.cli``, loaded when it is called: it imports a
database, PSRP and more, which would slow down the help.
"""
