"""The rules of docs/architecture.md, held by reading every module's imports."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "bulkps"
MODULES = sorted(path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py"))

#: Third-party libraries and the rooms (or modules) that own them. pypsrp brings requests, which is how its
#: errors come; psrpcore and pypsrp stand on cryptography.
OWNERS = {
    "yaml": {"yamlfile.py"},
    "pydantic": {"yamlfile.py"},
    "keyring": {"credentials.py"},
    "pypsrp": {"sessions"},
    "requests": {"sessions"},
    "spnego": {"sessions"},
    "psrpcore": {"simulator"},
    "cryptography": {"passwords/password_encryption.py", "simulator"},
    "sqlalchemy": {"records"},
    "loguru": {"records"},
    "platformdirs": {"records"},
    "filelock": {"records"},
    "click": {"cli"},
    "tabulate": {"cli"},
    "rich": {"cli"},
}
PURE = [
    path
    for path in MODULES
    if path.parts[0] in ("operations", "exchange")
    or (path.parts[0] == "engine" and path.name not in ("driver.py", "worker.py"))
    or path.as_posix()
    in (
        "simulator/tenant.py",
        "simulator/people.py",
        "simulator/opath.py",
        "simulator/contents.py",
        "simulator/troubles.py",
        "simulator/faults.py",
        "visible_text.py",
        "yamlfile.py",
    )
]
#: What a pure room may take from the standard library; none of it opens, waits, draws or logs.
#: importlib.resources reads package data at import.
PURE_STDLIB = {
    "__future__", "abc", "ast", "collections", "copy", "dataclasses", "datetime", "difflib", "enum",
    "functools",
    "hashlib", "heapq", "importlib", "itertools", "json", "math", "re", "types", "typing",
    "unicodedata", "uuid",
}  # fmt: skip
#: Which rooms a room may not know.
FORBIDDEN = {
    "operations": {"intake", "sessions", "engine", "records", "simulator", "library", "cli", "settings"},
    "exchange": {
        "operations",
        "intake",
        "sessions",
        "engine",
        "records",
        "simulator",
        "library",
        "cli",
        "settings",
    },
    "intake": {"sessions", "engine", "records", "simulator", "library", "cli", "settings"},
    "engine": {"intake", "sessions", "records", "simulator", "library", "cli", "settings"},
    "sessions": {"intake", "records", "library", "cli", "settings", "operations"},
    "records": {"sessions", "simulator", "library", "cli", "settings"},
    "library": {"cli"},
}


def imports(path: Path) -> Iterator[str]:
    """Yield the dotted names that a module imports, wherever it does."""
    for node in ast.walk(ast.parse((PACKAGE / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def room(path: Path) -> str:
    return path.parts[0]


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_each_library_has_one_owner(path: Path) -> None:
    for name in imports(path):
        top = name.split(".")[0]
        if top == "bulkps" or top in sys.stdlib_module_names:
            continue
        assert top in OWNERS, f"{path} imports {top}, which nobody owns"
        assert room(path) in OWNERS[top], f"{path} imports {top}, which {OWNERS[top]} owns"


@pytest.mark.parametrize("path", PURE, ids=str)
def test_a_pure_room_takes_only_what_is_pure(path: Path) -> None:
    for name in imports(path):
        top = name.split(".")[0]
        if top in sys.stdlib_module_names:
            assert top in PURE_STDLIB, f"{path} imports {top}"


@pytest.mark.parametrize("path", PURE, ids=str)
def test_a_pure_room_opens_no_file_and_prints_nothing(path: Path) -> None:
    tree = ast.parse((PACKAGE / path).read_text(encoding="utf-8"))
    called = {
        node.func.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    assert not called & {"open", "print", "input", "eval", "exec"}
    asked = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    assert not asked & {"now", "utcnow", "today"}, "a pure room reads no clock"


@pytest.mark.parametrize("path", [path for path in MODULES if room(path) in FORBIDDEN], ids=str)
def test_a_room_knows_only_the_rooms_before_it(path: Path) -> None:
    for name in imports(path):
        parts = name.split(".")
        if parts[0] == "bulkps" and len(parts) > 1:
            assert parts[1] not in FORBIDDEN[room(path)], f"{path} imports {name}"


@pytest.mark.parametrize("path", [path for path in MODULES if room(path) == "simulator"], ids=str)
def test_the_simulator_knows_nothing_of_bulkps_but_the_cmdlet_data(path: Path) -> None:
    for name in imports(path):
        if name.startswith("bulkps."):
            assert name.startswith(("bulkps.simulator", "bulkps.exchange.cmdlet_metadata")), (
                f"{path} imports {name}"
            )


def test_nothing_in_python_names_a_column_of_an_operation() -> None:
    """An operation is its YAML: its own column names stand in no module."""
    names = {
        "source_guid",
        "target_mailbox",
        "target_upn",
        "target_folder",
        "conflict_resolution",
        "target_smtp",
    }
    for path in MODULES:
        text = (PACKAGE / path).read_text(encoding="utf-8")
        found = {
            node.value
            for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        }
        assert not found & names, f"{path} names {found & names}"
