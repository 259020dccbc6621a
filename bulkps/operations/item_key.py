"""The key of an item, by which later runs recognize the same content. Pure."""

import hashlib
from collections.abc import Mapping

from bulkps.exchange.calls_and_outcomes import Value
from bulkps.operations.model import Operation


def item_key(operation: Operation, values: Mapping[str, Value], salt: str = "") -> str:
    """Return the key of an item: 24 hexadecimal digits, a hash of the operation and the key columns.

    The row number is not part of it, so a sorted or edited file still matches its earlier runs. With a
    *salt*, the same content gets another key.
    """
    given = {name: str(values.get(name) or "").casefold() for name in operation.key}
    # By name, without empty ones: a cmdlet gets further parameters over the years.
    named = [f"{name}={text}" for name, text in sorted(given.items()) if text] if operation.direct else []
    parts = [operation.name, *(named or given.values())]
    parts += [salt] if salt else []
    return hashlib.sha256("\x1f".join(parts).encode("utf-8")).hexdigest()[:24]
