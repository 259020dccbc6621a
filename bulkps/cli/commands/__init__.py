"""One module per command: its options, arguments and help, and nothing that help does not need.

What a command does is a module of the same name in ``bulkps.cli``, loaded when it is called: it brings a
database, PSRP and more, for which nobody who asks for help should wait.
"""
