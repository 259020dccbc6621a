"""``bulkps passwords``."""

import csv
import io
from pathlib import Path

import click

from bulkps.cli.password_options import ask_passphrase
from bulkps.exchange.calls_and_outcomes import Secret
from bulkps.intake import formula_safe
from bulkps.passwords.password_file import PassphraseFile


def execute(file: Path, row: int | None) -> None:
    """Decrypt FILE, written with --passwords-prompt, and print its passwords as CSV."""
    encrypted = PassphraseFile(file)
    found = encrypted.passwords(Secret(ask_passphrase(twice=False)), row)
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerow(["row_number", encrypted.identity, "sent_at", "password"])
    for one in found:
        # A password begins with a letter and is printed as it is typed.
        cells = (one.row, formula_safe(one.identity), one.sent_at, one.password.reveal())
        writer.writerow(cells)
    click.echo(text.getvalue(), nl=False)
