"""Text as PowerShell reads it. Pure."""

import re

from bulkps.visible_text import visible


def quoted(text: str) -> str:
    """Return *text* in single quotes, so that PowerShell reads it as one text if a person pastes it.

    It stays on one line: control characters are shown as visible signs.
    """
    # PowerShell also treats typographic single quotes as quotes.
    return "'" + re.sub("(['\u2018\u2019\u201a\u201b])", r"\1\1", visible(text)) + "'"
