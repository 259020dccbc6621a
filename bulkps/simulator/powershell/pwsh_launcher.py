"""Starts the child process of a real engine: command line, environment, session configuration."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from bulkps.simulator.options import Language, SimulatorOptions
from bulkps.simulator.powershell.pwsh_shell import EngineShell
from bulkps.simulator.wire.shell_base import Shell

#: The environment variable that tells the stand-in where its service is.
URL_VARIABLE = "BULKPS_STANDIN_URL"
#: The functions that run a batch inside a session and read whole inventories.
OWN_FUNCTIONS = ("Invoke-BulkPSBatch", "Select-BulkPSProperty")
_APP, _ORGANIZATION = "00000000-0000-0000-0000-000000000001", "contoso.onmicrosoft.com"
_THUMBPRINT = "0" * 40
_MODULE_PATH = "PSModulePath"


class Launch:
    """Opens shells of a real engine.

    Args:
        options: What the simulator is like.
        rest_url: Where the stand-in's service is.
        standin: The folder of the stand-in module.

    Raises:
        OSError: There is no engine, or the session configuration cannot be written.
        ValueError: The engine cannot be started in the language asked for.
    """

    def __init__(self, options: SimulatorOptions, rest_url: str, standin: Path) -> None:
        executable = find_pwsh(options.pwsh)
        self._environment = child_environment(rest_url, standin)
        self._folder = tempfile.TemporaryDirectory(prefix="bulkps-simulator-")
        try:
            configuration = _configuration(options, Path(self._folder.name))
            if configuration and executable.stem.casefold() == "powershell":
                raise ValueError(
                    "powershell.exe does not accept a session configuration: only pwsh can start connected, "
                    "without language or as JEA"
                )
        except BaseException:
            self.close()
            raise
        # Without it, Windows would not run our unsigned scripts; elsewhere it has no effect.
        policy = ["-ExecutionPolicy", "Bypass"]
        self._command = [str(executable), "-s", "-NoProfile", "-NoLogo", *policy, *configuration]

    def open(self, shell_id: str, lost: Callable[[Shell], None]) -> Shell:
        """Open a shell."""
        return EngineShell(shell_id, lost, self._command, self._environment)

    def close(self) -> None:
        """Remove the session configuration."""
        self._folder.cleanup()


def find_pwsh(given: Path | None) -> Path:
    """Return the real engine's executable: the one *given*, else ``pwsh``, then ``powershell``, on PATH.

    Raises:
        FileNotFoundError: There is none.
    """
    for name in [str(given)] if given else ["pwsh", "powershell"]:
        if found := shutil.which(name):
            return Path(found)
    raise FileNotFoundError(f"no PowerShell engine: {given or 'neither pwsh nor powershell is on PATH'}")


def child_environment(rest_url: str, standin: Path) -> Mapping[str, str]:
    """Return this process's environment, changed so that a child finds the stand-in module.

    Without bulkps's own secrets: a child needs none, and every process of the user can read its environment.
    """
    # Windows returns names in upper case and does not accept a name twice.
    name = next((name for name in os.environ if name.upper() == _MODULE_PATH.upper()), _MODULE_PATH)
    paths = [str(standin), *filter(None, [os.environ.get(name)])]
    kept = {name: value for name, value in os.environ.items() if not _is_secret(name)}
    return {
        **kept,
        URL_VARIABLE: rest_url,
        name: os.pathsep.join(paths),
        "POWERSHELL_UPDATECHECK": "Off",
        "POWERSHELL_TELEMETRY_OPTOUT": "1",
    }


def _is_secret(variable: str) -> bool:
    return variable.upper().startswith("BULKPS_") and "PASSWORD" in variable.upper()


def _configuration(options: SimulatorOptions, folder: Path) -> list[str]:
    """Write the session configuration and return the arguments that apply it; none where none is needed."""
    restricted = options.spoken is not Language.FULL
    connected = restricted or options.preconnected
    if not connected and not options.modules:
        return []
    entries = {
        "SchemaVersion": quoted("2.0.0.0"),
        "GUID": quoted("3f0a2f5e-6f0b-4c8e-9a53-0b6c1d2e3f40"),
        "SessionType": quoted("RestrictedRemoteServer" if restricted else "Default"),
        "LanguageMode": quoted("NoLanguage" if restricted else "FullLanguage"),
        "ModulesToImport": _array(str(path) for path in options.modules),
    }
    if connected:
        script = folder / "connect.ps1"
        script.write_text(_connect(options), encoding="utf-8")
        entries["ScriptsToProcess"] = _array([str(script)])
    if options.spoken is Language.JEA:
        entries["VisibleFunctions"] = _array([*OWN_FUNCTIONS, *options.visible])
    path = folder / "session.pssc"
    lines = "".join(f"    {name} = {value}\n" for name, value in entries.items())
    path.write_text(f"@{{\n{lines}}}\n", encoding="utf-8")
    return ["-ConfigurationFile", str(path)]


def _connect(options: SimulatorOptions) -> str:
    given = {
        "AppId": options.app_id or _APP,
        "CertificateThumbprint": options.thumbprint or _THUMBPRINT,
        "Organization": options.organization or _ORGANIZATION,
    }
    arguments = " ".join(f"-{name} {quoted(value)}" for name, value in given.items())
    # VisibleFunctions only covers functions that exist before this script runs; the script shows its own.
    return (
        f"Import-Module ExchangeOnlineManagement\nConnect-ExchangeOnline {arguments} -ShowBanner:$false\n"
        "foreach ($one in (Microsoft.PowerShell.Core\\Get-Command -Module tmpEXO_*)) "
        "{ $one.Visibility = 'Public' }\n"
    )


def quoted(text: str) -> str:
    """Return *text* as a PowerShell literal."""
    # PowerShell treats typographic single quotes as the plain one.
    return "'" + "".join(mark * 2 if mark in "'\u2018\u2019\u201a\u201b" else mark for mark in text) + "'"


def _array(texts: Iterable[str]) -> str:
    return f"@({', '.join(map(quoted, texts))})"
