"""Text as PowerShell reads it. Pure."""

import re

from bulkps.visible_text import visible


def quoted(text: str) -> str:
    """Return *text* in single quotes, so that it is one text to PowerShell should somebody paste it.

    It stays on its line too: control characters are shown in place of being there.
    """
    # PowerShell takes the typographic single quotes for quotes too.
    return "'" + re.sub("(['\u2018\u2019\u201a\u201b])", r"\1\1", visible(text)) + "'"
