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
    "yaml": {"yaml_config.py"},
    "pydantic": {"yaml_config.py"},
    "keyring": {"credentials.py"},
    "pypsrp": {"sessions"},
    "requests": {"sessions"},
    "spnego": {"sessions"},
    "psrpcore": {"simulator"},
    "cryptography": {"passwords", "simulator"},
    "sqlalchemy": {"records"},
    "loguru": {"records"},
    "platformdirs": {"records"},
    "filelock": {"records"},
    "click": {"cli"},
    "tabulate": {"cli"},
    "rich": {"cli"},
}
#: Modules of otherwise pure rooms that have a clock, threads, sessions or files.
NOT_PURE = {
    "engine/driver.py",
    "engine/worker.py",
    "preflight/comparison_runner.py",
    "preflight/reading_thread.py",
    "preflight/runner.py",
    "preflight/query_executor.py",
}
PURE = [
    path
    for path in MODULES
    if (
        path.parts[0] in ("operations", "exchange", "engine", "preflight") and path.as_posix() not in NOT_PURE
    )
    or path.parts[:2] == ("simulator", "tenant")
    or path.as_posix()
    in (
        "export/deleted_mailbox.py",
        "simulator/cmdlets/faults.py",
        "simulator/cmdlets/opath.py",
        "visible_text.py",
        "yaml_config.py",
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
#: The rooms in order: each knows only those before it.
ORDER = (
    "exchange", "operations", "intake", "engine", "simulator", "sessions", "records", "preflight", "export",
    "passwords", "runs", "api", "cli",
)  # fmt: skip
#: Rooms before it that a room may not know all the same.
BESIDE_IT = {
    "engine": {"intake"},
    "sessions": {"operations", "intake"},
    "records": {"simulator", "sessions"},
    "preflight": {"intake", "simulator"},
    "export": {"simulator"},
    "passwords": {"sessions", "simulator", "preflight", "export"},
    # What there is of a run is told, and done, by the rooms runs and api.
    "api": {"records"},
    "cli": {"records"},
}
#: Pure modules of later rooms whose names of columns or fields a file has to agree with.
DECLARATIONS = {
    "operations": {"bulkps.preflight.row_intent"},
    "intake": {"bulkps.export.deleted_mailbox"},
}


#: Modules at the top that every room may know.
SHARED = {"atomic_file", "errors", "resources", "visible_text", "yaml_config"}
#: Modules at the top that bring rooms together, by who may know them.
BETWEEN = {
    "preflight": {"run_target"},
    "export": {"run_target"},
    "runs": {"credentials", "learned_cmdlets", "run_target", "settings"},
    "api": {"credentials", "run_target", "settings"},
    "cli": {"credentials", "run_target", "settings"},
}
#: What help needs, and what it may load: tests/cli/test_quick_start.py shows that it loads no more.
FOR_HELP = [
    path
    for path in MODULES
    if path.parts[:2] == ("cli", "commands") or path.as_posix() in ("cli/group.py", "cli/time_limit.py")
]
HELP_LOADS = ("bulkps.cli.commands", "bulkps.cli.time_limit", "bulkps.errors", "bulkps.visible_text")


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


@pytest.mark.parametrize("path", [path for path in MODULES if room(path) in ORDER], ids=str)
def test_a_room_knows_only_the_rooms_before_it(path: Path) -> None:
    own = room(path)
    for name in imports(path):
        parts = name.split(".")
        if parts[0] != "bulkps" or len(parts) == 1 or parts[1] in (own, *SHARED):
            continue
        if any(name == module or name.startswith(f"{module}.") for module in DECLARATIONS.get(own, ())):
            continue
        known = set(ORDER[: ORDER.index(own)]) - BESIDE_IT.get(own, set())
        assert parts[1] in known | BETWEEN.get(own, set()), f"{path} imports {name}"


@pytest.mark.parametrize("path", [path for path in MODULES if room(path) == "simulator"], ids=str)
def test_the_simulator_knows_nothing_of_bulkps_but_the_cmdlet_data(path: Path) -> None:
    for name in imports(path):
        if name.startswith("bulkps."):
            assert name.startswith(("bulkps.simulator", "bulkps.exchange.cmdlet_metadata")), (
                f"{path} imports {name}"
            )


@pytest.mark.parametrize("path", FOR_HELP, ids=str)
def test_what_a_command_does_is_loaded_when_it_is_called(path: Path) -> None:
    tree = ast.parse((PACKAGE / path).read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.Import):
            assert all(alias.name in {"click", *sys.stdlib_module_names} for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.module is not None
            top = node.module.split(".")[0]
            assert top in {"click", *sys.stdlib_module_names} or node.module.startswith(HELP_LOADS), (
                f"{path} imports {node.module}"
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
