"""Operations as data: the loader's complaints, a user's own operation, binding and proof."""

from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkps.errors import InvalidInput
from bulkps.exchange.calls_and_outcomes import Secret, Value
from bulkps.operations.item_key import item_key
from bulkps.operations.loader import (
    BUILT_IN,
    built_in_operations,
    built_in_text,
    dump_operation,
    load_operation,
)
from bulkps.operations.parameter_binding import bind, places
from bulkps.operations.placeholders import Template
from bulkps.operations.release_support import releases
from bulkps.operations.step_proof import proven
from bulkps.passwords.password_generator import LENGTH, generate
from bulkps.runs.simulator_rows import sample_rows
from bulkps.simulator import Tenant
from tests.conftest import Run, as_object, read_csv

RESTORE = built_in_operations()["restore"]
REQUEST = next(step for step in RESTORE.steps if step.name == "request")


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_run_keeps_an_operation_whole(name: str) -> None:
    operation = built_in_operations()[name]

    assert load_operation(dump_operation(operation), "copy") == operation


@pytest.mark.parametrize(
    ("wrong", "right", "expected"),
    [
        ("TargetRootFolder:", "TargetRotFolder:", "did you mean TargetRootFolder?"),
        ('"{source_guid}"', '"{source_gud}"', "did you mean source_guid?"),
        (
            "cmdlet: New-MailboxRestoreRequest",
            "cmdlet: New-MailboxRestoreReqest",
            "did you mean New-MailboxRestore",
        ),
        ("exclusive: [target_mailbox]", "exclusive: [target]", "no column 'target'"),
        (
            "    returns:\n      Name: bulkps-{item.name}\n",
            "",
            "New-MailboxRestoreRequest returns the new object",
        ),
        ("failed: [Failed]", "failed: [Completed]", "is in two lists"),
        ("{run.batch}", "{run.batch", "there is a single brace"),
        ("required: true", "requird: true", "did you mean required?"),
        (
            "aliases: [target_root_folder, folder]",
            "aliases: [source guid]",
            "already means column source_guid",
        ),
        ("name: request", "name: item", "'item' is taken"),
    ],
)
def test_a_mistake_in_an_operation_is_found_when_it_loads(wrong: str, right: str, expected: str) -> None:
    text = built_in_text("restore").replace(wrong, right)
    assert text != built_in_text("restore")

    with pytest.raises(InvalidInput, match=r"mine\.yaml") as caught:
        load_operation(text, "mine.yaml")

    assert expected in str(caught.value)
    assert "line " in str(caught.value)


def test_several_mistakes_are_told_at_once() -> None:
    text = built_in_text("restore").replace("TargetRootFolder:", "TargetRotFolder:")
    text = text.replace("exclusive: [target_mailbox]", "exclusive: [nobody]").replace("one_way", "oneway")

    with pytest.raises(InvalidInput) as caught:
        load_operation(text + "colour: red\n", "mine.yaml")

    assert len(caught.value.problems) >= 3


def test_a_constant_that_exchange_does_not_allow_is_found_when_it_loads() -> None:
    text = built_in_text("restore").replace('"{conflict_resolution}"', "KeepEverything")

    with pytest.raises(InvalidInput, match="allowed: ForceCopy"):
        load_operation(text, "mine.yaml")


def test_the_releases_of_an_operation_are_those_that_have_all_it_needs() -> None:
    assert releases(built_in_operations()["recovery"]) == ("EXO",)
    assert releases(RESTORE) == ("2016", "2019", "SE", "EXO")


def test_an_empty_cell_leaves_its_parameter_out_and_a_switch_that_is_off_too() -> None:
    values: dict[str, Value] = {"source_guid": "g", "target_mailbox": "m", "allow_legacy_dn_mismatch": False}

    cmdlet = bind(REQUEST, places(RESTORE, values, "k", "b", {}))

    assert cmdlet.parameters == {
        "Name": "bulkps-k",
        "BatchName": "b",
        "SourceMailbox": "g",
        "TargetMailbox": "m",
        "ConflictResolutionOption": "KeepAll",
    }


@given(st.text(min_size=1))
def test_a_cell_is_bound_as_it_is_whatever_it_looks_like(cell: str) -> None:
    values = {"source_guid": cell, "target_mailbox": cell, "target_folder": cell}

    cmdlet = bind(REQUEST, places(RESTORE, values, "k", "b", {}))

    assert cmdlet.parameters["TargetRootFolder"] == cell
    assert Template.parse("<{a}>").render({"a": cell}) == f"<{cell}>"


def test_the_key_of_an_item_is_its_content_without_regard_to_case_and_row() -> None:
    one = item_key(RESTORE, {"source_guid": "g", "target_mailbox": "Ann@contoso.com"})

    assert one == item_key(RESTORE, {"source_guid": "G", "target_mailbox": "ann@contoso.com", "note": "x"})
    assert one != item_key(
        RESTORE, {"source_guid": "g", "target_mailbox": "ann@contoso.com", "target_folder": "x"}
    )
    assert one != item_key(RESTORE, {"source_guid": "gann@contoso.com", "target_mailbox": ""})


def test_an_answer_proves_a_step_only_if_exactly_one_object_is_what_was_asked_for() -> None:
    step, filled = REQUEST, places(RESTORE, {}, "k", "b", {})

    assert proven(step, filled, ({"Name": "BULKPS-K"},)) == {"Name": "BULKPS-K"}
    assert proven(step, filled, ()) is None
    assert proven(step, filled, ({"Name": "MailboxRestore"},)) is None
    assert proven(step, filled, ({"Name": "bulkps-k"}, {"Name": "bulkps-k"})) is None


def test_a_secret_shows_in_no_way_of_turning_it_into_text() -> None:
    secret = Secret("Hunter2")

    assert "Hunter2" not in f"{secret} {secret!r} {secret:>20} {[secret]} %s" % secret
    assert secret.reveal() == "Hunter2"


@given(st.randoms(use_true_random=False))
def test_a_generated_password_has_every_class_of_character(chance: Random) -> None:
    password = generate(chance)

    assert len(password) == LENGTH
    assert password[0].isalpha(), "a spreadsheet would take it for a formula"
    assert any(c.isupper() for c in password) and any(c.islower() for c in password)
    assert any(c.isdigit() for c in password) and any(not c.isalnum() for c in password)


def test_operations_shows_columns_steps_and_cmdlets(bulkps: Run) -> None:
    every = bulkps("operations")
    one = bulkps("operations", "recovery")

    assert "restore" in every.stdout and "recovery" in every.stdout
    assert "Step 3, user: Set-User (only if department or company is given)" in one.stdout
    assert "-InactiveMailbox {source_guid}" in one.stdout
    assert (
        as_object(bulkps("operations", "restore", "--json"))["steps"][3]["cmdlet"]
        == "New-MailboxRestoreRequest"
    )


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_template_is_sound_input_with_its_example_row(bulkps: Run, tmp_path: Path, name: str) -> None:
    assert bulkps("template", name, "--all-columns", "-o", tmp_path / "t.csv").exit_code == 0

    result = bulkps("check", name, tmp_path / "t.csv")

    assert result.exit_code == 0, result.stderr
    assert list(read_csv((tmp_path / "t.csv").read_text(encoding="utf-8-sig"))[0]) == list(
        built_in_operations()[name].columns
    )


def test_rehearsal_rows_name_mailboxes_that_the_tenant_of_the_seed_has() -> None:
    rows = sample_rows(RESTORE, 3, seed=7)
    tenant = Tenant(7, 3)

    assert [row["source_guid"] for row in rows] == [str(tenant.inactive(i)["ExchangeGuid"]) for i in range(3)]


USERS_OWN = """\
name: quota
summary: Set a title
columns:
  who: {help: Whose, type: [smtp], required: true, aliases: [mailbox]}
  title: {help: The title, required: true}
source: who
key: [who, title]
exclusive: [who]
steps:
  - name: title
    cmdlet: Set-User
    parameters: {Identity: "{who}", Title: "{title}"}
    idempotent: true
"""


def test_an_administrators_own_operation_needs_yaml_only(bulkps: Run, tmp_path: Path) -> None:
    folder = tmp_path / "operations"
    folder.mkdir()
    (folder / "quota.yaml").write_text(USERS_OWN)
    config = tmp_path / "c.yaml"
    config.write_text("operations_path: operations\nrun: {delay_between_batches: 0}\n")
    tenant = Tenant(1, 1000)
    file = tmp_path / "in.csv"
    file.write_text(
        "mailbox;title\n" + "".join(f"{tenant.active(i)['PrimarySmtpAddress']};Boss {i}\n" for i in range(3))
    )

    result = bulkps("run", "quota", file, "--config", config, "--json", "--quiet")

    assert as_object(result)["counts"]["COMPLETED"] == 3, result.output
