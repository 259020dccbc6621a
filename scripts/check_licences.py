"""Refuse an installed library whose licence bulkps does not take.

Usage: python scripts/check_licences.py

Looks at everything in the environment that it runs in. What is allowed asks for no more than naming the
authors (MIT, BSD, Apache, …), or covers the library's own files alone, which bulkps does not change (MPL). A
licence that reaches further is a decision for a person: it is made here.
"""

import re
import sys
from collections.abc import Iterator
from importlib.metadata import Distribution, distributions

#: As SPDX writes them, and as metadata did before.
ALLOWED = {
    "0bsd", "apache-2.0", "apache 2.0", "apache license 2.0", "apache software license", "bsd license",
    "bsd-2-clause", "bsd-3-clause", "isc", "isc license (iscl)", "mit", "mit license", "mit-0", "mpl-2.0",
    "mozilla public license 2.0 (mpl 2.0)", "psf-2.0", "python software foundation license", "unlicense",
}  # fmt: skip
#: No part of what bulkps stands on: they are in every virtual environment.
NOT_OURS = {"pip", "bulkps"}


def licences(found: Distribution) -> list[str]:
    """Return what a library says that its licence is; several where it does not say one thing."""
    metadata = found.metadata
    if "License-Expression" in metadata:
        return [metadata["License-Expression"]]
    classifiers = [
        one.rpartition(" :: ")[2]
        for one in metadata.get_all("Classifier") or []
        if one.startswith("License :: ") and not one.endswith("OSI Approved")
    ]
    # The field may hold the whole text: its first line names it.
    said = metadata.get_all("License") or [""]
    return classifiers or [said[0].strip().partition("\n")[0].strip()]


def allowed(expression: str) -> bool:
    """Return whether bulkps takes a licence: one of those with OR between them, all of those with AND."""
    return any(
        all(part.strip(" ()").casefold() in ALLOWED or part.strip().casefold() in ALLOWED for part in every)
        for every in (re.split(r"\s+AND\s+", one) for one in re.split(r"\s+OR\s+", expression))
    )


def refused(found: list[Distribution]) -> Iterator[str]:
    """Yield a sentence for each library whose licence is not allowed, or not said."""
    for one in sorted(found, key=lambda one: one.metadata["Name"].casefold()):
        name, told = one.metadata["Name"], licences(one)
        if name.casefold() not in NOT_OURS and not all(allowed(licence) for licence in told):
            yield f"{name} {one.version}: found {' and '.join(filter(None, told)) or 'no licence'}"


def main() -> int:
    """Print what is refused; return the exit code."""
    found = list(distributions())
    problems = list(refused(found))
    for problem in problems:
        print(f"{problem}, expected one of those in {__file__}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    raise SystemExit(main())
