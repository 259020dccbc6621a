"""What bulkps stands on: CI installs locked versions by their hashes, and licences that were looked at."""

import configparser
import re
import runpy
from collections.abc import Iterator
from email.message import Message
from importlib.metadata import Distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
LOCK = (ROOT / ".ci" / "requirements.txt").read_text(encoding="utf-8")
PINNED = dict(re.findall(r"^([a-z0-9-]+)==(\S+) ", LOCK, re.MULTILINE))


def requirements() -> Iterator[Requirement]:
    """Yield what setup.cfg asks for, and what builds bulkps."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    texts = [
        setup["options"]["install_requires"],
        *setup["options.extras_require"].values(),
        "setuptools>=68",
    ]
    for line in "\n".join(texts).split("\n"):
        if line.strip():
            yield Requirement(line)


def test_the_lock_has_a_version_of_everything_that_setup_cfg_asks_for() -> None:
    for asked in requirements():
        version = PINNED.get(canonicalize_name(asked.name))
        assert version, f"{asked} is not in .ci/requirements.txt: run .ci/lock"
        assert asked.specifier.contains(version), f"{asked} is locked as {version}: run .ci/lock"


def test_every_locked_version_has_hashes_and_none_is_left_to_choose() -> None:
    for entry in re.split(r"\n(?=[a-z0-9])", LOCK.split("\n", 2)[2]):
        assert re.match(r"[a-z0-9-]+==\S+( \\\n    --hash=sha256:[0-9a-f]{64})+\n?$", entry), entry


@pytest.mark.parametrize("library", ["pypsrp", "psrpcore", "pyyaml", "click", "loguru"])
def test_a_library_whose_private_parts_are_used_has_an_upper_bound(library: str) -> None:
    (asked,) = [one for one in requirements() if one.name == library]

    assert any(one.operator == "<" for one in asked.specifier)


class Library(Distribution):
    """An installed library that says *fields* of itself."""

    def __init__(self, **fields: str) -> None:
        self._fields = {"Name": "thing", "Version": "1.0", **fields}

    def read_text(self, filename: str) -> str | None:
        if filename != "METADATA":
            return None
        message = Message()
        for name, value in self._fields.items():
            message[name.replace("_", "-")] = value
        return message.as_string()

    def locate_file(self, path: object) -> Path:
        return ROOT


@pytest.mark.parametrize(
    ("fields", "fine"),
    [
        ({"License_Expression": "MIT"}, True),
        ({"License_Expression": "Apache-2.0 OR BSD-3-Clause"}, True),
        ({"License_Expression": "GPL-3.0-only OR MIT"}, True),
        ({"License_Expression": "MIT AND GPL-3.0-only"}, False),
        ({"License_Expression": "MIT AND (BSD-3-Clause)"}, True),
        ({"Classifier": "License :: OSI Approved :: BSD License"}, True),
        ({"Classifier": "License :: OSI Approved :: GNU Affero General Public License v3"}, False),
        ({"Classifier": "License :: OSI Approved", "License": "Apache-2.0"}, True),
        ({"License": "LGPL-3.0"}, False),
        ({}, False),
    ],
)
def test_a_licence_that_was_not_looked_at_is_refused(fields: dict[str, str], fine: bool) -> None:
    refused = runpy.run_path(str(ROOT / "scripts" / "check_licences.py"))["refused"]

    found = list(refused([Library(**fields)]))

    assert not found if fine else found[0].startswith("thing 1.0: found ")
