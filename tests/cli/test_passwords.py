"""Generated passwords: they go out once, by the way that was chosen, and are found nowhere else."""

import json
import os
import stat
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from bulkps import (
    BulkCSVHandler,
    BulkOperationItem,
    BulkOperationManager,
    PasswordFile,
    UsageProblem,
    load_settings,
)
from bulkps.errors import RecordFailed
from bulkps.exchange.calls_and_outcomes import Secret
from bulkps.passwords.password_encryption import Owner
from tests.cli.passwordfiles import PASSPHRASE, Recipient, Terminal, lines_of
from tests.cli.processes import BULKPS, wait_for
from tests.conftest import Run, Tenant, as_object, read_csv, rehearsal, write_csv
from tests.engines import PWSH, needs_pwsh

StartTenant = Callable[..., Tenant]
NEW = "New-Mailbox"
#: A source that the tenant does not have.
UNKNOWN = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"


@pytest.fixture(scope="module")
def desk() -> Recipient:
    """Who may read the passwords."""
    return Recipient()


def recovery(bulkps: Run, rows: int, folder: Path) -> Path:
    return rehearsal(bulkps, "recovery", rows, folder / "in.csv")


def completed_rows(bulkps: Run) -> set[str]:
    found = read_csv(bulkps("results", "last").stdout)
    return {row["row_number"] for row in found if row["status"] == "COMPLETED"}


# --- how they go out ----------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", [Encoding.PEM, Encoding.DER])
def test_each_password_is_encrypted_for_the_certificate_and_is_the_one_that_was_sent(
    bulkps: Run, tenant: StartTenant, tmp_path: Path, desk: Recipient, encoding: Encoding
) -> None:
    there, out = tenant(), tmp_path / "out.csv"
    certificate = desk.write(tmp_path / "desk.cer", encoding)
    file = recovery(bulkps, 3, tmp_path)
    before = datetime.now(UTC)

    result = bulkps(
        "run", "recovery", file, "--config", there.config, "--yes", "--passwords", out,
        "--passwords-for", certificate, "--json",
    )  # fmt: skip

    assert result.exit_code == 0, result.output
    lines = lines_of(out)
    given = read_csv(file.read_text(encoding="utf-8-sig"))
    assert [desk.open(line["password"]) for line in lines] == there.simulator.tenant.received_passwords
    assert list(lines[0]) == ["row_number", "target_upn", "sent_at", "password"]
    inside = [desk.message(line["password"]) for line in lines]
    assert [{**one, "password": ""} for one in inside] == [{**line, "password": ""} for line in lines]
    assert [(line["row_number"], line["target_upn"]) for line in lines] == [
        (str(number), row["target_upn"]) for number, row in enumerate(given, 2)
    ]
    assert all(before.timestamp() - 1 < datetime.fromisoformat(line["sent_at"]).timestamp() for line in lines)
    assert all(line["password"].startswith("'-----BEGIN CMS-----\n") for line in lines)
    assert as_object(result)["passwords"] == str(out)
    assert f"passwords: {out} (3 passwords, encrypted for certificate CN=Help desk)" in result.stderr
    assert "Unprotect-CmsMessage" in result.stderr


@pytest.mark.skipif(os.name == "nt", reason="on Windows the folder says who may read")
def test_the_file_is_for_its_owner_alone(bulkps: Run, tenant: StartTenant, tmp_path: Path) -> None:
    out = plain_run(bulkps, tenant(), tmp_path)

    assert stat.S_IMODE(out.stat().st_mode) == 0o600


@pytest.mark.skipif(os.name == "nt", reason="on Windows a link takes a privilege")
def test_a_link_that_leads_nowhere_is_not_followed(bulkps: Run, tenant: StartTenant, tmp_path: Path) -> None:
    there, file, out = tenant(), recovery(bulkps, 2, tmp_path), tmp_path / "out.csv"
    out.symlink_to(tmp_path / "elsewhere.csv")

    result = bulkps(
        "run", "recovery", file, "--config", there.config, "--yes", "--passwords", out, "--passwords-plain"
    )

    assert result.exit_code == 2, result.output
    assert "already exists" in result.stderr
    assert there.simulator.calls == {}
    assert not (tmp_path / "elsewhere.csv").exists()


@needs_pwsh
def test_the_real_engine_opens_a_file_that_was_encrypted_for_a_certificate(
    bulkps: Run, tenant: StartTenant, tmp_path: Path, desk: Recipient
) -> None:
    there, out = tenant(), tmp_path / "out.csv"
    pfx = desk.write_pfx(tmp_path / "desk.pfx")
    file = recovery(bulkps, 2, tmp_path)
    bulkps(
        "run", "recovery", file, "--config", there.config, "--yes", "--quiet", "--passwords", out,
        "--passwords-for", desk.write(tmp_path / "desk.cer", Encoding.DER),
    )  # fmt: skip

    script = (
        f"Import-Csv '{out}' | ForEach-Object {{ $_.password | Unprotect-CmsMessage -To '{pfx}' | "
        "ConvertFrom-Json } | ForEach-Object { $_.password }"
    )
    opened = subprocess.run(
        [PWSH, "-NoProfile", "-NonInteractive", "-Command", script],
        capture_output=True,
        text=True,
        check=False,
    )

    assert opened.returncode == 0, opened.stderr
    assert opened.stdout.split() == there.simulator.tenant.received_passwords
    assert len(opened.stdout.split()) == 2


def test_a_passphrase_that_was_typed_twice_opens_the_file(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there, out = tenant(), tmp_path / "out.csv"
    result = encrypted_with_passphrase(bulkps, there, tmp_path, PASSPHRASE, PASSPHRASE)

    opened = bulkps("passwords", out, input=Terminal(PASSPHRASE))
    one = bulkps("passwords", out, "--row", 3, input=Terminal(PASSPHRASE))

    assert result.exit_code == 0, result.output
    assert f"bulkps passwords {out} asks for the passphrase" in result.stderr
    received = there.simulator.tenant.received_passwords
    assert [row["password"] for row in read_csv(opened.stdout)] == received
    assert [row["row_number"] for row in read_csv(one.stdout)] == ["3"]
    assert [row["password"] for row in read_csv(one.stdout)] == received[1:2]
    assert PASSPHRASE not in result.output + opened.output + out.read_text(encoding="utf-8")
    assert not any(password in out.read_text(encoding="utf-8") for password in received)


def encrypted_with_passphrase(bulkps: Run, there: Tenant, folder: Path, *typed: str) -> Any:
    return bulkps(
        "run", "recovery", recovery(bulkps, 3, folder), "--config", there.config, "--yes", "--quiet",
        "--passwords", folder / "out.csv", "--passwords-prompt", input=Terminal(*typed),
    )  # fmt: skip


def plain_run(bulkps: Run, there: Tenant, folder: Path) -> Path:
    out = folder / "out.csv"
    result = bulkps(
        "run", "recovery", recovery(bulkps, 3, folder), "--config", there.config, "--yes", "--quiet",
        "--passwords", out, "--passwords-plain",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "warning" in result.stderr
    assert "plain text" in result.stderr
    return out


def test_plain_passwords_are_written_where_that_was_asked_for_by_name(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant()

    out = plain_run(bulkps, there, tmp_path)

    assert [line["password"] for line in lines_of(out)] == there.simulator.tenant.received_passwords
    assert all(line["password"][0].isalpha() for line in lines_of(out))


def test_a_row_that_is_sent_again_gets_a_fresh_password_and_a_further_line(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant(faults=f"{NEW}#2=transient")

    out = plain_run(bulkps, there, tmp_path)

    lines = lines_of(out)
    rows = [line["row_number"] for line in lines]
    assert sorted(rows) == ["2", "3", "3", "4"]
    assert len({line["password"] for line in lines}) == 4
    last = {line["row_number"]: line["password"] for line in lines}
    assert set(last.values()) == set(there.simulator.tenant.received_passwords)


def test_a_run_that_stopped_goes_on_with_a_new_file_for_the_rest(
    bulkps: Run, tenant: StartTenant, tmp_path: Path, desk: Recipient
) -> None:
    there = tenant()
    config = there.configure("  max_failures: 1\n")
    certificate = desk.write(tmp_path / "desk.cer")
    file = recovery(bulkps, 4, tmp_path)
    rows = read_csv(file.read_text(encoding="utf-8-sig"))
    rows[0]["source_guid"] = UNKNOWN
    write_csv(file, rows)
    encrypted = ("--passwords-for", certificate, "--config", config, "--quiet")

    first = bulkps(
        "run", "recovery", file, "--yes", "--batch-size", 1, "--passwords", tmp_path / "out.csv", *encrypted
    )
    again = bulkps("resume", "last", "--passwords", tmp_path / "out.csv", *encrypted)
    resumed = bulkps("resume", "last", "--passwords", tmp_path / "out-2.csv", *encrypted)

    assert first.exit_code == 6, first.output
    options = f"--passwords {tmp_path / 'out-2.csv'} --passwords-for {certificate}"
    assert f"--config {config} {options}\n" in first.stderr
    assert again.exit_code == 2
    assert "already exists" in again.stderr
    assert resumed.exit_code == 4, resumed.output
    assert [line["row_number"] for line in lines_of(tmp_path / "out-2.csv")] == ["3", "4", "5"]
    opened = [desk.open(line["password"]) for line in lines_of(tmp_path / "out-2.csv")]
    assert opened == there.simulator.tenant.received_passwords


def test_retry_hands_out_the_passwords_of_what_it_sends(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant(faults=f"{NEW}#2=throttled")
    there.configure("  retry_failed: false\n  adaptive_pacing: false\n")
    file = recovery(bulkps, 3, tmp_path)
    first = bulkps("run", "recovery", file, "--config", there.config, "--yes", "--json", "--quiet")

    plain = ("--passwords", tmp_path / "out.csv", "--passwords-plain")
    result = bulkps("retry", "last", "--config", there.config, "--quiet", *plain)

    assert (as_object(first)["counts"]["FAILED"], as_object(first)["passwords"]) == (1, None)
    assert result.exit_code == 0, result.output
    assert [line["row_number"] for line in lines_of(tmp_path / "out.csv")] == ["3"]
    assert lines_of(tmp_path / "out.csv")[0]["password"] == there.simulator.tenant.received_passwords[-1]


def test_a_file_that_no_password_came_to_is_taken_away(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant()
    there.configure("  connect: {attempts: 1}\n")
    there.simulator.stop()
    file, out = recovery(bulkps, 2, tmp_path), tmp_path / "out.csv"

    result = bulkps(
        "run", "recovery", file, "--config", there.config, "--yes", "--passwords", out, "--passwords-plain"
    )

    assert result.exit_code == 5, result.output
    assert not out.exists()
    assert "passwords: none were sent" in result.stderr
    assert f"--passwords {out} --passwords-plain" in result.stderr


# --- what is refused ----------------------------------------------------------------------------------

WRONG_OPTIONS = {
    "no way": (
        ["--passwords", "OUT"],
        "exactly one of --passwords-for, --passwords-prompt, --passwords-plain",
    ),
    "two ways": (
        ["--passwords", "OUT", "--passwords-plain", "--passwords-prompt"],
        "found --passwords-prompt and --passwords-plain",
    ),
    "no file": (["--passwords-plain"], "--passwords-plain also needs --passwords FILE"),
    "nobody to ask": (["--passwords", "OUT", "--passwords-prompt"], "there is no terminal to ask"),
    "the input": (["--passwords", "IN", "--passwords-plain"], "is also the file of another option"),
    "the results": (
        ["--passwords", "OUT", "--passwords-plain", "--results", "OUT"],
        "is also the file of another option",
    ),
    "a file that is there": (["--passwords", "THERE", "--passwords-plain"], "already exists"),
    "a folder that is not there": (["--passwords", "NOWHERE", "--passwords-plain"], "cannot write"),
}


@pytest.mark.parametrize("name", WRONG_OPTIONS)
def test_options_that_do_not_fit_end_with_2_and_nothing_is_sent(
    bulkps: Run, tenant: StartTenant, tmp_path: Path, name: str
) -> None:
    there = tenant()
    options, expected = WRONG_OPTIONS[name]
    file = recovery(bulkps, 2, tmp_path)
    (tmp_path / "there.csv").write_text("mine", encoding="utf-8")
    places = {
        "OUT": tmp_path / "out.csv",
        "IN": file,
        "THERE": tmp_path / "there.csv",
        "NOWHERE": tmp_path / "no" / "out.csv",
    }

    result = bulkps(
        "run", "recovery", file, "--config", there.config, "--yes", *(places.get(one, one) for one in options)
    )

    assert result.exit_code == 2, result.output
    assert expected in result.stderr
    assert "nothing was sent" in result.stderr
    assert there.simulator.calls == {}
    assert not (tmp_path / "out.csv").exists()
    assert (tmp_path / "there.csv").read_text(encoding="utf-8") == "mine"
    assert as_object(bulkps("runs", "--json"))["runs"] == []


def test_an_operation_without_passwords_takes_no_file_for_them(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant()
    file = rehearsal(bulkps, "restore", 2, tmp_path / "in.csv")

    result = bulkps(
        "run",
        "restore",
        file,
        "--config",
        there.config,
        "--passwords",
        tmp_path / "out.csv",
        "--passwords-plain",
    )

    assert result.exit_code == 2
    assert "restore generates no passwords" in result.stderr
    assert there.simulator.calls == {}


BAD_CERTIFICATES: dict[str, tuple[dict[str, Any], str]] = {
    "ended": ({"days": -2}, "CN=Help desk, which expired on"),
    "not yet valid": ({"begins": 5}, "valid only from"),
    "elliptic": ({"elliptic": True}, "CN=Help desk, whose key is not an RSA key"),
    "short": ({"bits": 1024}, "an RSA key of 1024 bits"),
    "for signing": ({"enciphers": False}, "key usage does not allow key encipherment"),
}


@pytest.mark.parametrize("name", BAD_CERTIFICATES)
def test_a_certificate_that_cannot_be_used_is_refused_with_what_was_found(
    bulkps: Run, tenant: StartTenant, tmp_path: Path, name: str
) -> None:
    options, found = BAD_CERTIFICATES[name]
    certificate = Recipient(**options).write(tmp_path / "desk.cer")

    result = refused_for(bulkps, tenant(), tmp_path, certificate)

    assert found in result
    assert "expected an X.509 certificate with an RSA public key of at least 2048 bits" in result
    assert "Next: " in result


@pytest.mark.parametrize("kind", ["text", "pfx"])
def test_a_file_that_is_no_certificate_is_refused(
    bulkps: Run, tenant: StartTenant, tmp_path: Path, kind: str, desk: Recipient
) -> None:
    path = tmp_path / "desk.cer"
    if kind == "pfx":
        desk.write_pfx(path)
    else:
        path.write_text("no certificate", encoding="utf-8")

    result = refused_for(bulkps, tenant(), tmp_path, path)

    assert "found no certificate that can be read" in result
    assert "Export-Certificate" in result


def refused_for(bulkps: Run, there: Tenant, folder: Path, certificate: Path) -> str:
    result = bulkps(
        "run", "recovery", recovery(bulkps, 2, folder), "--config", there.config, "--yes",
        "--passwords", folder / "out.csv", "--passwords-for", certificate,
    )  # fmt: skip
    assert result.exit_code == 2, result.output
    assert there.simulator.calls == {}
    assert not (folder / "out.csv").exists()
    return str(result.stderr)


def test_a_short_passphrase_is_refused(bulkps: Run, tenant: StartTenant, tmp_path: Path) -> None:
    there = tenant()

    result = encrypted_with_passphrase(bulkps, there, tmp_path, "too short", "too short")

    assert result.exit_code == 2, result.output
    assert "the passphrase has 9 characters, expected at least 12" in result.stderr
    assert there.simulator.calls == {}


def test_a_wrong_passphrase_and_a_changed_line_are_told_apart(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    encrypted_with_passphrase(bulkps, tenant(), tmp_path, PASSPHRASE, PASSPHRASE)
    out = tmp_path / "out.csv"
    lines = lines_of(out)
    lines[1]["password"], lines[2]["password"] = lines[2]["password"], lines[1]["password"]
    write_csv(tmp_path / "swapped.csv", lines)
    lines[1]["sent_at"] = "2026-01-01T00:00:00.000+00:00"
    lines[2]["password"] = lines[2]["password"][:-8] + "AAAAAAA="
    write_csv(tmp_path / "changed.csv", lines)

    wrong = bulkps("passwords", out, input=Terminal("another passphrase"))
    swapped = bulkps("passwords", tmp_path / "swapped.csv", input=Terminal(PASSPHRASE))
    changed = bulkps("passwords", tmp_path / "changed.csv", "--row", 4, input=Terminal(PASSPHRASE))
    no_such_row = bulkps("passwords", out, "--row", 99, input=Terminal(PASSPHRASE))
    nobody = bulkps("passwords", out)

    assert {one.exit_code for one in (wrong, swapped, changed, no_such_row, nobody)} == {2}
    assert "the passphrase is wrong" in wrong.stderr
    of_row_3 = f"the line of row 3 ({lines[1]['target_upn']}) holds the password of row 4 ("
    assert of_row_3 + lines[2]["target_upn"] in swapped.stderr
    assert "the line was moved" in swapped.stderr
    assert "opens other rows but not row 4" in changed.stderr
    assert "no password of row 99" in no_such_row.stderr
    assert "there is no terminal to ask" in nobody.stderr
    assert not (wrong.stdout or no_such_row.stdout or nobody.stdout)


def test_a_line_of_another_file_of_the_same_passphrase_is_refused(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    encrypted: list[list[dict[str, str]]] = []
    for name in "ab":
        (tmp_path / name).mkdir()
        encrypted_with_passphrase(bulkps, tenant(), tmp_path / name, PASSPHRASE, PASSPHRASE)
        encrypted.append(lines_of(tmp_path / name / "out.csv"))
    write_csv(tmp_path / "mixed.csv", [*encrypted[0][:2], encrypted[1][2]])

    mixed = bulkps("passwords", tmp_path / "mixed.csv", input=Terminal(PASSPHRASE))

    assert mixed.exit_code == 2
    assert "the line of row 4 comes from another file than the first line" in mixed.stderr


def test_a_message_for_a_certificate_says_whose_it_is_wherever_its_line_is_put(
    bulkps: Run, tenant: StartTenant, tmp_path: Path, desk: Recipient
) -> None:
    there, out = tenant(), tmp_path / "out.csv"
    certificate = desk.write(tmp_path / "desk.cer")
    bulkps(
        "run", "recovery", recovery(bulkps, 2, tmp_path), "--config", there.config, "--yes", "--quiet",
        "--passwords", out, "--passwords-for", certificate,
    )  # fmt: skip
    first, second = lines_of(out)

    inside = desk.message(second["password"])

    assert (inside["row_number"], inside["target_upn"]) == ("3", second["target_upn"])
    assert inside["target_upn"] != first["target_upn"]


def test_a_line_that_a_crash_cut_short_is_no_password(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant()
    encrypted_with_passphrase(bulkps, there, tmp_path, PASSPHRASE, PASSPHRASE)
    out = tmp_path / "out.csv"
    out.write_bytes(out.read_bytes()[:-30])

    opened = bulkps("passwords", out, input=Terminal(PASSPHRASE))

    assert opened.exit_code == 0, opened.output
    received = there.simulator.tenant.received_passwords
    assert [row["password"] for row in read_csv(opened.stdout)] == received[:2]


def test_bulkps_passwords_says_how_another_kind_of_file_is_read(
    bulkps: Run, tenant: StartTenant, tmp_path: Path, desk: Recipient
) -> None:
    there = tenant()
    (tmp_path / "plain").mkdir()
    plain = plain_run(bulkps, there, tmp_path / "plain")
    with_certificate = tmp_path / "encrypted.csv"
    bulkps(
        "run", "recovery", recovery(bulkps, 2, tmp_path), "--config", there.config, "--yes", "--again",
        "--quiet", "--passwords", with_certificate, "--passwords-for", desk.write(tmp_path / "desk.cer"),
    )  # fmt: skip

    answers = [
        bulkps("passwords", file, input=Terminal(PASSPHRASE))
        for file in (with_certificate, plain, tmp_path / "in.csv")
    ]

    assert {one.exit_code for one in answers} == {2}
    assert "Unprotect-CmsMessage" in answers[0].stderr
    assert "--passwords-plain" in answers[1].stderr
    assert "is not a password file" in answers[2].stderr
    assert not any(line["password"] in answers[1].output for line in lines_of(plain))


# --- the library --------------------------------------------------------------------------------------


def recoveries(bulkps: Run, rows: int, folder: Path) -> list[BulkOperationItem]:
    return BulkCSVHandler().import_recovery_csv(recovery(bulkps, rows, folder))


def test_the_manager_hands_out_passwords_too(
    bulkps: Run, tenant: StartTenant, tmp_path: Path, desk: Recipient
) -> None:
    there = tenant()
    items = recoveries(bulkps, 3, tmp_path)
    manager = BulkOperationManager(load_settings(there.config))
    passwords = PasswordFile.for_certificate(tmp_path / "out.csv", desk.write(tmp_path / "desk.cer"))

    result = manager.execute_bulk_recovery(items, passwords=passwords)

    assert (result.completed, passwords.count) == (3, 3)
    opened = [desk.open(line["password"]) for line in lines_of(passwords.path)]
    assert opened == there.simulator.tenant.received_passwords
    with pytest.raises(UsageProblem, match="already exists"):
        manager.retry_failed(passwords=passwords)


def test_a_password_that_cannot_be_written_is_not_sent(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant()
    items = recoveries(bulkps, 4, tmp_path)
    passwords = PasswordFile.plain(tmp_path / "out.csv")
    config = load_settings(there.configure("  batch_size: 1\n"))
    manager = BulkOperationManager(config, progress=lambda item: passwords.close())

    with pytest.raises(RecordFailed, match="Nothing more was sent"):
        manager.execute_bulk_recovery(items, passwords=passwords)

    # The next one may be under way before anybody is told of the first.
    sent = there.simulator.calls[NEW]
    received = there.simulator.tenant.received_passwords
    assert 1 <= sent < 4
    assert [line["password"] for line in lines_of(passwords.path)] == received
    resumed = bulkps(
        "resume", "last", "--config", there.config, "--json", "--quiet", "--passwords", tmp_path / "rest.csv",
        "--passwords-plain",
    )  # fmt: skip
    assert as_object(resumed)["counts"]["COMPLETED"] == 4, resumed.output
    assert set(there.simulator.effects_by_mailbox().values()) == {1}
    assert [line["password"] for line in lines_of(tmp_path / "rest.csv")] == received[sent:]


class Closing:
    """Plain text, but the file is closed under the second password; its repr shows none of them."""

    meaning = "in plain text"

    def __init__(self) -> None:
        self.passwords: PasswordFile | None = None
        self.encrypted: list[str] = []

    def advice(self, path: Path) -> str:
        return f"read {path}"

    def encrypt(self, secret: Secret, owner: Owner) -> str:
        self.encrypted.append(secret.reveal())
        if self.passwords and len(self.encrypted) == 2:
            self.passwords.close()
        return secret.reveal()


def test_a_traceback_with_every_variable_shows_no_password(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant()
    items = recoveries(bulkps, 3, tmp_path)
    closing = Closing()
    closing.passwords = PasswordFile(tmp_path / "out.csv", closing)
    manager = BulkOperationManager(load_settings(there.configure("  batch_size: 1\n")))

    with pytest.raises(RecordFailed, match="closed file") as raised:
        manager.execute_bulk_recovery(items, passwords=closing.passwords)

    shown = "".join(traceback.TracebackException.from_exception(raised.value, capture_locals=True).format())
    assert there.simulator.tenant.received_passwords == closing.encrypted[:1]
    assert len(closing.encrypted) == 2
    assert "***" in shown, "no frame holds a password: the test shows nothing"
    assert not any(password in shown for password in closing.encrypted)


# --- nowhere else -------------------------------------------------------------------------------------


@contextmanager
def watched_processes() -> Iterator[set[bytes]]:
    """Collect the command line and environment of every process, where there is a /proc, until the end."""
    seen: set[bytes] = set()
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.005):
            for found in Path("/proc").glob("[0-9]*"):
                for name in ("cmdline", "environ"):
                    try:
                        seen.add((found / name).read_bytes())
                    except OSError:
                        # It ended, or is somebody else's.
                        continue

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield seen
    finally:
        done.set()
        thread.join()


def command(there: Tenant, *arguments: object) -> list[str]:
    return [*BULKPS, *(str(one) for one in arguments), "--config", str(there.config)]


def everything(folder: Path, but: Path) -> dict[Path, bytes]:
    """Return every file below *folder* with what it holds, but for one."""
    return {
        path: path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.resolve() != but.resolve()
    }


def test_no_password_is_in_a_file_log_audit_journal_process_list_or_output_of_a_run(
    bulkps: Run, tenant: StartTenant, tmp_path: Path, home: Path, desk: Recipient
) -> None:
    there = tenant(faults=f"{NEW}#2=answer-lost,{NEW}#4=transient")
    file = recovery(bulkps, 8, tmp_path)
    rows = read_csv(file.read_text(encoding="utf-8-sig"))
    rows[5]["source_guid"] = UNKNOWN
    write_csv(file, rows)
    out = tmp_path / "out.csv"
    encrypted = ("--passwords", out, "--passwords-for", desk.write(tmp_path / "desk.cer"))

    with watched_processes() as processes:
        done = subprocess.run(
            command(there, "run", "recovery", file, "--yes", "--batch-size", 2, *encrypted),
            capture_output=True,
            check=False,
        )

    assert done.returncode == 4, done.stderr
    lines = [(line["row_number"], desk.open(line["password"])) for line in lines_of(out)]
    last = dict(lines)
    assert {last[row] for row in completed_rows(bulkps)} == set(there.simulator.tenant.received_passwords)
    assert len(there.simulator.tenant.received_passwords) == 7
    assert sorted(row for row, _ in lines) == sorted([*(str(number) for number in range(2, 10)), "5"])
    held = everything(tmp_path, but=out)
    assert {".jsonl", ".sqlite3", ".csv"} <= {path.suffix for path in held if path.is_relative_to(home)}
    held |= {Path("stdout"): done.stdout, Path("stderr"): done.stderr}
    if sys.platform == "linux":
        assert any(str(out).encode() in process for process in processes), "the run was not seen"
    held[Path("processes")] = b"\n".join(processes)
    assert_found_nowhere((password for _, password in lines), held)


def assert_found_nowhere(passwords: Iterator[str], held: dict[Path, bytes]) -> None:
    for password in passwords:
        # As it is, as JSON and a database may hold it, and as .NET keeps a text in memory.
        forms = {password.encode(), json.dumps(password)[1:-1].encode(), password.encode("utf-16-le")}
        found = [str(path) for path, data in held.items() if any(form in data for form in forms)]
        assert not found, f"a password is in {found}"


@pytest.mark.proof
def test_plain_passwords_are_in_their_file_and_nowhere_else_even_after_a_kill(
    bulkps: Run, tenant: StartTenant, tmp_path: Path, home: Path
) -> None:
    there = tenant(latency=0.05)
    file = recovery(bulkps, 12, tmp_path)
    first, second = tmp_path / "out.csv", tmp_path / "out-2.csv"
    with (tmp_path / "output").open("wb") as output:
        process = subprocess.Popen(
            command(
                there,
                "run",
                "recovery",
                file,
                "--yes",
                "--batch-size",
                2,
                "--passwords",
                first,
                "--passwords-plain",
            ),
            stdout=output,
            stderr=output,
        )
        wait_for(lambda: len(there.simulator.tenant.received_passwords) >= 4)
        process.kill()
        process.wait()
        # With what the journal has not yet taken in from its write-ahead log.
        at_the_kill = everything(tmp_path, but=first)
        resumed = subprocess.run(
            command(there, "resume", "last", "--passwords", second, "--passwords-plain"),
            stdout=output,
            stderr=output,
            check=False,
        )

    assert resumed.returncode == 0, bulkps("results", "last", "--only", "failed").stdout
    lines = [line["password"] for line in (*lines_of(first), *lines_of(second))]
    received = there.simulator.tenant.received_passwords
    assert len(received) == 12
    assert set(received) <= set(lines)
    assert any(path.name.endswith("-wal") for path in at_the_kill)
    held = everything(tmp_path, but=first)
    assert {".jsonl", ".sqlite3", ".csv"} <= {path.suffix for path in held if path.is_relative_to(home)}
    del held[second]
    assert_found_nowhere(iter(lines), held)
    assert_found_nowhere(iter(lines), at_the_kill)


def test_who_goes_on_with_a_run_that_handed_passwords_out_is_told_how_to_have_the_others(
    bulkps: Run, tenant: StartTenant, tmp_path: Path
) -> None:
    there = tenant()
    there.configure("  max_failures: 1\n")
    file = recovery(bulkps, 6, tmp_path)
    rows = read_csv(file.read_text(encoding="utf-8-sig"))
    rows[0]["source_guid"] = UNKNOWN
    write_csv(file, rows)
    out = tmp_path / "out.csv"
    encrypted = ("--passwords", out, "--passwords-plain")
    bulkps(
        "run", "recovery", file, "--config", there.config, "--yes", "--batch-size", 2, "--quiet", *encrypted
    )

    shown = as_object(bulkps("show", "last", "--json"))
    paused = bulkps("pause", "last")
    resumed = bulkps("resume", "last", "--config", there.config, "--quiet")

    options = f"--passwords {tmp_path / 'out-2.csv'} --passwords-plain"
    following = f"bulkps resume {shown['run']} --config {there.config} {options}"
    assert shown["next"] == following
    assert f"there is nothing to pause. To continue: {following}" in paused.stderr
    assert "warning: this run saved its passwords. New passwords are lost" in resumed.stderr
    assert following in resumed.stderr
    assert len(lines_of(out)) == 2
    over = bulkps("pause", "last")
    assert "there is nothing to pause: it is finished" in over.stderr
