"""Builds Settings from YAML, environment and defaults; reports every problem at once. It holds no secret."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from bulkps import yaml_config
from bulkps.engine.config import BulkOperationConfig
from bulkps.errors import InvalidInput, UsageProblem
from bulkps.exchange.cmdlet_metadata import learn
from bulkps.exchange.error_catalog import KnownError, shipped_catalogue
from bulkps.learned_cmdlets import learned_in
from bulkps.operations.loader import built_in_operations, load_operation
from bulkps.operations.model import Operation
from bulkps.sessions.connection import Connection, ConnectionType
from bulkps.yaml_config import nearest

_STRICT = {"extra": "forbid"}
_SECRETS = ("password", "passwd", "pwd", "secret", "token", "api_key")
#: Environment variables that override a setting: variable, path of the setting.
VARIABLES: Mapping[str, tuple[str, ...]] = {
    "BULKPS_CONNECTION": ("connection",),
    "BULKPS_OPERATIONS_PATH": ("operations_path",),
    "BULKPS_BATCH_SIZE": ("run", "batch_size"),
    "BULKPS_PARALLEL_EXECUTION": ("run", "parallel_execution"),
    "BULKPS_MAX_SESSIONS": ("run", "max_sessions"),
    "BULKPS_STOP_ON_ERROR": ("run", "stop_on_error"),
    "BULKPS_RETRY_FAILED": ("run", "retry_failed"),
    "BULKPS_MAX_RETRIES": ("run", "max_retries"),
    "BULKPS_DELAY_BETWEEN_BATCHES": ("run", "delay_between_batches"),
    "BULKPS_ITEM_TIMEOUT": ("run", "item_timeout"),
}
#: The connection that is used when the settings name none.
SIMULATOR = "simulator"


def _connections() -> dict[str, Connection]:
    return {SIMULATOR: Connection(ConnectionType.SIMULATOR)}


@dataclass(frozen=True)
class Settings:
    """All settings of bulkps, already checked.

    Attributes:
        connection: The connection that is used when none is named.
        connections: Every connection by name; ``simulator`` is always there.
        run: How a run proceeds.
        operations_path: A folder with an administrator's own operations (YAML), or empty.
        errors: Entries that are tried before the shipped error catalogue.
    """

    __pydantic_config__: ClassVar[Mapping[str, str]] = _STRICT

    connection: str = SIMULATOR
    connections: dict[str, Connection] = field(default_factory=_connections)
    run: BulkOperationConfig = field(default_factory=BulkOperationConfig)
    operations_path: str = ""
    errors: tuple[KnownError, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a default connection that does not exist."""
        object.__setattr__(self, "connections", _connections() | self.connections)
        if self.connection not in self.connections:
            raise ValueError(
                f"connection: no connection {self.connection!r}{nearest(self.connection, self.connections)}; "
                f"there are {', '.join(self.connections)}"
            )

    def choose_connection(self, name: str | None) -> tuple[str, Connection]:
        """Return the connection called *name*, or the default one, with its name.

        Raises:
            UsageProblem: If there is none.
        """
        wanted = name or self.connection
        if wanted not in self.connections:
            raise UsageProblem(
                f"no connection {wanted!r}{nearest(wanted, self.connections)}; "
                f"there are {', '.join(self.connections)}"
            )
        return wanted, self.connections[wanted]

    @property
    def catalogue(self) -> tuple[KnownError, ...]:
        """The error catalogue in the order in which it is tried."""
        return self.errors + shipped_catalogue()

    def operations(self) -> dict[str, Operation]:
        """Return every valid operation by name: the built-in ones, then those of operations_path.

        Raises:
            UsageProblem: If the folder does not exist.
        """
        return self._operations[0]

    def broken_operations(self) -> dict[str, InvalidInput]:
        """Return what is wrong with files of operations_path, by the name that the operation would have.

        Raises:
            UsageProblem: If the folder does not exist.
        """
        return self._operations[1]

    @cached_property
    def _operations(self) -> tuple[dict[str, Operation], dict[str, InvalidInput]]:
        found, broken = dict(built_in_operations()), dict[str, InvalidInput]()
        if not self.operations_path:
            return found, broken
        folder = Path(self.operations_path).expanduser()
        if not folder.is_dir():
            raise UsageProblem(f"operations_path: {folder} is not a folder")
        for path in sorted(folder.glob("*.y*ml")):
            try:
                operation = load_operation(read_text(path), path.name)
                if operation.name in found:
                    sentence = f"name: an operation called {operation.name!r} already exists"
                    raise InvalidInput(str(path), [sentence])
            except InvalidInput as error:
                broken[path.stem.casefold()] = InvalidInput(str(path), error.problems)
            except UsageProblem as error:
                broken[path.stem.casefold()] = InvalidInput(str(path), [str(error)])
            else:
                found[operation.name] = operation
        return found, broken


def read_text(path: Path) -> str:
    """Return a text file's content.

    Raises:
        UsageProblem: If it cannot be read.
        InvalidInput: If it is not UTF-8, or too long for a file of YAML.
    """
    try:
        with path.open("rb") as file:
            data = file.read(yaml_config.LONGEST + 1)
        if len(data) > yaml_config.LONGEST:
            raise InvalidInput(str(path), [yaml_config.too_long("more")])
        return data.decode("utf-8-sig")
    except OSError as error:
        raise UsageProblem(f"cannot read {path}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        found = f"expected UTF-8 text, found byte 0x{error.object[error.start]:02X}"
        raise InvalidInput(str(path), [found]) from error


def load_settings(path: Path | None = None, environment: Mapping[str, str] | None = None) -> Settings:
    """Return the settings of the file *path*, overridden by the environment.

    Args:
        path: A YAML file; None for BULKPS_CONFIG, or the defaults alone.
        environment: Variables; None for the process's own.

    Raises:
        UsageProblem: If the file cannot be read.
        InvalidInput: With every problem.
    """
    env = os.environ if environment is None else environment
    if path is None and env.get("BULKPS_CONFIG"):
        path = Path(env["BULKPS_CONFIG"])
    source = str(path) if path else "settings"
    data, lines = yaml_config.parse(read_text(path), source) if path else ({}, {})
    problems = _refuse_secrets(data, (), lines)
    if problems:
        raise InvalidInput(source, problems)
    _overlay(data, env, source)
    try:
        settings = yaml_config.build(data, lines, source, Settings)
    except InvalidInput as error:
        raise InvalidInput(source, [_named(problem, env) for problem in error.problems]) from error
    if path and settings.operations_path and not Path(settings.operations_path).expanduser().is_absolute():
        settings = replace(settings, operations_path=str(path.parent / settings.operations_path))
    if settings.operations_path:
        # Here, because a run that is resumed needs them too, and it has its operation in the journal.
        learn(learned_in(Path(settings.operations_path).expanduser()))
    return settings


def _overlay(data: dict[str, Any], env: Mapping[str, str], source: str) -> None:
    for variable, place in VARIABLES.items():
        if not env.get(variable):
            continue
        into = data
        for part in place[:-1]:
            into = into.setdefault(part, {})
            if not isinstance(into, dict):
                raise InvalidInput(source, [f"{part}: expected a mapping (name: value), found {into!r}"])
        into[place[-1]] = env[variable]


def _named(problem: str, env: Mapping[str, str]) -> str:
    """Return *problem* with the environment variable that the value came from, if it came from one."""
    for variable, place in VARIABLES.items():
        path = ".".join(place)
        if env.get(variable) and problem.startswith(f"{path}:"):
            return problem.replace(f"{path}:", f"{path} (from {variable}):", 1)
    return problem


def _refuse_secrets(
    data: object, path: tuple[str | int, ...], lines: Mapping[tuple[str | int, ...], int]
) -> list[str]:
    problems: list[str] = []
    if isinstance(data, dict):
        for key, value in data.items():
            here = (*path, str(key))
            if str(key).casefold().replace("-", "_") in _SECRETS:
                problems.append(
                    f"line {lines.get(here, 1)}: {'.'.join(map(str, here))}: secrets are not allowed in this "
                    "file, because such files are copied, mailed and backed up. Set "
                    "BULKPS_PASSWORD_<CONNECTION>, store it in the keyring (keyring set bulkps:SERVER "
                    "USERNAME), or let bulkps ask you"
                )
            problems += _refuse_secrets(value, here, lines)
    elif isinstance(data, list):
        for index, value in enumerate(data):
            problems += _refuse_secrets(value, (*path, index), lines)
    return problems
