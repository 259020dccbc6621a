"""Report installed libraries with a licence that bulkps does not accept.

Usage: python scripts/check_licences.py

It checks everything in its own environment. Allowed licences only require naming the authors (MIT, BSD,
Apache, …), or only cover the library's own files, which bulkps does not change (MPL). To accept a licence
that requires more, a person has to decide and add it here.
"""

import re
import sys
from collections.abc import Iterator
from importlib.metadata import Distribution, distributions

#: In SPDX spelling, and in the older spelling of metadata.
ALLOWED = {
    "0bsd", "apache-2.0", "apache 2.0", "apache license 2.0", "apache software license", "bsd license",
    "bsd-2-clause", "bsd-3-clause", "isc", "isc license (iscl)", "mit", "mit license", "mit-0", "mpl-2.0",
    "mozilla public license 2.0 (mpl 2.0)", "psf-2.0", "python software foundation license", "unlicense",
}  # fmt: skip
#: Not dependencies: they are in every virtual environment.
NOT_OURS = {"pip", "bulkps"}


def licences(found: Distribution) -> list[str]:
    """Return the licences that a library names."""
    metadata = found.metadata
    if "License-Expression" in metadata:
        return [metadata["License-Expression"]]
    classifiers = [
        one.rpartition(" :: ")[2]
        for one in metadata.get_all("Classifier") or []
        if one.startswith("License :: ") and not one.endswith("OSI Approved")
    ]
    # The field may contain the whole text: its first line is the name.
    said = metadata.get_all("License") or [""]
    return classifiers or [said[0].strip().partition("\n")[0].strip()]


def allowed(expression: str) -> bool:
    """Return whether bulkps accepts a licence: any part of an OR, or all parts of an AND."""
    return any(
        all(part.strip(" ()").casefold() in ALLOWED or part.strip().casefold() in ALLOWED for part in every)
        for every in (re.split(r"\s+AND\s+", one) for one in re.split(r"\s+OR\s+", expression))
    )


def refused(found: list[Distribution]) -> Iterator[str]:
    """Yield a message for each library whose licence is not allowed or not given."""
    for one in sorted(found, key=lambda one: one.metadata["Name"].casefold()):
        name, told = one.metadata["Name"], licences(one)
        if name.casefold() not in NOT_OURS and not all(allowed(licence) for licence in told):
            yield f"{name} {one.version}: found {' and '.join(filter(None, told)) or 'no licence'}"


def main() -> int:
    """Print the problems; return the exit code."""
    found = list(distributions())
    problems = list(refused(found))
    for problem in problems:
        print(f"{problem}, expected one of those in {__file__}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    raise SystemExit(main())
