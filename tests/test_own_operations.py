"""The shipped examples of an administrator's own operations: from YAML alone, on every kind of engine."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bulkps.errors import InvalidInput
from bulkps.exchange.calls_and_outcomes import NULL, Cmdlet
from bulkps.exchange.cmdlet_metadata import CMDLETS
from bulkps.operations.loader import dump_operation, load_operation
from bulkps.operations.parameter_binding import bind, places
from bulkps.operations.scaffold import starting_text
from bulkps.resources import shipped
from bulkps.simulator import Simulator, SimulatorOptions
from bulkps.simulator import Tenant as Organization
from bulkps.simulator.tenant.mailbox import Kind
from tests.conftest import Run, Tenant, as_object, read_csv, rehearsal, write_csv
from tests.engines import ENGINES, child_connection, needs_pwsh

EXAMPLES = Path(str(shipped("config"))) / "operations"
NAMES = ("set-mailbox", "mailbox-permission", "connect-mailbox")
GB = 1024**3
Start = Callable[..., Tenant]


@pytest.fixture(autouse=True)
def operations_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with copies of the examples, as an administrator makes it."""
    folder = tmp_path / "operations"
    folder.mkdir()
    for path in EXAMPLES.glob("*.yaml"):
        shutil.copy(path, folder)
    monkeypatch.setenv("BULKPS_OPERATIONS_PATH", str(folder))
    return folder


def run(bulkps: Run, operation: str, file: Path, config: Path) -> dict[str, Any]:
    result = bulkps("run", operation, file, "--config", config, "--json", "--quiet")
    assert result.exit_code == 0, result.output
    return as_object(result)


def found(tenant: Organization, identity: object) -> dict[str, Any]:
    """Return the properties of the one active mailbox of that name."""
    return dict(tenant.find(str(identity), (Kind.ACTIVE,)).properties)


def settings_file(path: Path, tenant: Organization) -> Path:
    people = [str(tenant.active(index)["PrimarySmtpAddress"]) for index in range(3)]
    empty = dict.fromkeys(
        ("warning_quota", "send_quota", "quota", "add", "remove", "hidden", "attribute"), ""
    )
    rows = [
        {
            "warning_quota": "47GB",
            "send_quota": "48.5 GB",
            "quota": "49.5 GB (53,150,220,288 bytes)",
            "add": "one@contoso.com; two@contoso.com",
            "remove": f"{tenant.active(0)['Alias']}@contoso.onmicrosoft.com",
            "hidden": "Yes",
            "attribute": "O'Hara ’x’ $(Stop-Computer)",
        },
        {"add": "three@contoso.com", "attribute": "$NULL"},
        {"hidden": "off"},
    ]
    headers = {
        "add": "add_addresses",
        "remove": "remove_addresses",
        "quota": "send_receive_quota",
        "attribute": "custom_attribute_1",
    }
    write_csv(
        path,
        [
            {"mailbox": person, **{headers.get(name, name): cell for name, cell in {**empty, **row}.items()}}
            for person, row in zip(people, rows, strict=True)
        ],
    )
    return path


def is_as_the_settings_file_asked(tenant: Organization) -> None:
    before, after = tenant.active(0), found(tenant, tenant.active(0)["PrimarySmtpAddress"])
    assert after["IssueWarningQuota"] == "47 GB (50,465,865,728 bytes)"
    assert after["ProhibitSendQuota"] == f"48.5 GB ({int(48.5 * GB):,} bytes)"
    assert after["ProhibitSendReceiveQuota"] == "49.5 GB (53,150,220,288 bytes)"
    kept = [one for one in before["EmailAddresses"] if "onmicrosoft" not in one]  # type: ignore[attr-defined]
    assert after["EmailAddresses"] == [*kept, "smtp:one@contoso.com", "smtp:two@contoso.com"]
    assert after["HiddenFromAddressListsEnabled"] is True
    assert after["CustomAttribute1"] == "O'Hara ’x’ $(Stop-Computer)"
    before, after = tenant.active(1), found(tenant, tenant.active(1)["PrimarySmtpAddress"])
    assert after["EmailAddresses"] == [*before["EmailAddresses"], "smtp:three@contoso.com"]  # type: ignore[misc]
    assert after["ProhibitSendQuota"] == before["ProhibitSendQuota"]
    assert after["CustomAttribute1"] == "", "it held something, and $null cleared it"
    assert found(tenant, tenant.active(2)["PrimarySmtpAddress"]) == tenant.active(2)


def permissions_file(path: Path, tenant: Organization) -> Path:
    mailboxes = [str(tenant.active(index)["PrimarySmtpAddress"]) for index in range(3)]
    user = str(tenant.active(5)["UserPrincipalName"])
    rights = ("", "ReadPermission;fullaccess", "DeleteItem")
    write_csv(
        path,
        [
            {"mailbox": mailbox, "user": user, "access_rights": right, "auto_mapping": "no"}
            for mailbox, right in zip(mailboxes, rights, strict=True)
        ],
    )
    return path


def are_as_the_permissions_file_asked(tenant: Organization) -> None:
    user = str(tenant.active(5)["ExchangeGuid"])
    mailboxes = [str(tenant.active(index)["ExchangeGuid"]) for index in range(3)]
    assert tenant.permissions == {
        (mailboxes[0], user): {"FullAccess"},
        (mailboxes[1], user): {"ReadPermission", "FullAccess"},
        (mailboxes[2], user): {"DeleteItem"},
    }


def give_it_an_attribute(tenant: Organization, index: int) -> None:
    mailbox = tenant.find(str(tenant.active(index)["ExchangeGuid"]), (Kind.ACTIVE,))
    tenant.change(mailbox, Kind.ACTIVE, {"CustomAttribute1": "old"})


@pytest.mark.parametrize("options", ENGINES)
def test_set_mailbox_leaves_mailboxes_as_the_file_asked(
    bulkps: Run, tenant: Start, tmp_path: Path, options: dict[str, Any]
) -> None:
    there = tenant(**options)
    organization = there.simulator.tenant
    give_it_an_attribute(organization, 1)
    file = settings_file(tmp_path / "in.csv", organization)

    said = run(bulkps, "set-mailbox", file, there.config)

    assert said["counts"]["COMPLETED"] == 3
    is_as_the_settings_file_asked(organization)


@pytest.mark.parametrize("options", ENGINES)
def test_mailbox_permission_gives_the_rights_that_the_file_asked_for(
    bulkps: Run, tenant: Start, tmp_path: Path, options: dict[str, Any]
) -> None:
    there = tenant(**options)
    file = permissions_file(tmp_path / "in.csv", there.simulator.tenant)

    said = run(bulkps, "mailbox-permission", file, there.config)

    assert said["counts"]["COMPLETED"] == 3
    are_as_the_permissions_file_asked(there.simulator.tenant)


@pytest.mark.parametrize("options", ENGINES)
def test_connect_mailbox_gives_each_user_the_mailbox_that_the_file_names(
    bulkps: Run, tenant: Start, tmp_path: Path, options: dict[str, Any]
) -> None:
    there = tenant(on_premises=True, **options)
    file = rehearsal(bulkps, "connect-mailbox", 4, tmp_path / "in.csv")
    rows = read_csv(file.read_text(encoding="utf-8-sig"))

    said = run(bulkps, "connect-mailbox", file, there.config)

    assert said["counts"]["COMPLETED"] == 4
    organization = there.simulator.tenant
    for row in rows:
        mailbox = found(organization, row["user"])
        assert str(mailbox["ExchangeGuid"]) == row["mailbox_guid"]
        assert mailbox["Database"] == row["database"]
    assert len(organization.mailboxes([Kind.DISCONNECTED])) == 20 - 4
    assert there.simulator.effects_by_mailbox("mailbox-connected") == {row["mailbox_guid"]: 1 for row in rows}


@pytest.mark.proof
@needs_pwsh
def test_the_examples_run_through_exchange_onlines_module_in_a_child_powershell(
    bulkps: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Simulator(SimulatorOptions(rest=True, mailboxes=20)) as simulator:
        config = tmp_path / "online.yaml"
        config.write_text(
            f"connection: online\nconnections:\n  online: {child_connection(simulator, monkeypatch)}\n"
            "run: {delay_between_batches: 0}\n",
            encoding="utf-8",
        )
        give_it_an_attribute(simulator.tenant, 1)
        settings = settings_file(tmp_path / "settings.csv", simulator.tenant)
        permissions = permissions_file(tmp_path / "permissions.csv", simulator.tenant)

        run(bulkps, "set-mailbox", settings, config)
        run(bulkps, "mailbox-permission", permissions, config)

        is_as_the_settings_file_asked(simulator.tenant)
        are_as_the_permissions_file_asked(simulator.tenant)


@pytest.mark.parametrize("fault", ["answer-lost", "session-lost"])
def test_a_lost_connect_mailbox_is_looked_up_and_happens_once(
    bulkps: Run, tenant: Start, tmp_path: Path, fault: str
) -> None:
    there = tenant(on_premises=True, faults=f"Connect-Mailbox#1={fault},Connect-Mailbox#4={fault}")
    file = rehearsal(bulkps, "connect-mailbox", 6, tmp_path / "in.csv")
    rows = read_csv(file.read_text(encoding="utf-8-sig"))
    for row in rows:
        row["domain_controller"] = "dc01.contoso.com"
    write_csv(file, rows)

    said = run(bulkps, "connect-mailbox", file, there.config)

    assert said["counts"]["COMPLETED"] == 6
    assert set(there.simulator.effects_by_mailbox("mailbox-connected").values()) == {1}


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ({"send_receive_quota": "101GB"}, "exceeds the maximum allowed for user"),
        ({"send_receive_quota": "1GB"}, "must be greater than or equal to that of property"),
        ({"add_addresses": "{other}"}, "is already being used by the proxy addresses"),
        ({"remove_addresses": "{mailbox}"}, "cannot be removed"),
    ],
)
def test_what_exchange_refuses_is_a_failed_row_with_its_words(
    bulkps: Run, tenant: Start, tmp_path: Path, cells: dict[str, str], expected: str
) -> None:
    there = tenant()
    people = [str(there.simulator.tenant.active(index)["PrimarySmtpAddress"]) for index in range(2)]
    row = {name: cell.format(mailbox=people[0], other=people[1]) for name, cell in cells.items()}
    write_csv(tmp_path / "in.csv", [{"mailbox": people[0], **row}])

    result = bulkps("run", "set-mailbox", tmp_path / "in.csv", "--config", there.config, "--quiet", "--json")

    assert result.exit_code == 4, result.output
    assert expected in Path(as_object(result)["results"]).read_text(encoding="utf-8-sig")


def test_unlimited_is_a_quota_on_premises(bulkps: Run, tenant: Start, tmp_path: Path) -> None:
    there = tenant(on_premises=True)
    mailbox = there.simulator.tenant.active(0)["PrimarySmtpAddress"]
    write_csv(tmp_path / "in.csv", [{"mailbox": str(mailbox), "quota": "unlimited"}])

    run(bulkps, "set-mailbox", tmp_path / "in.csv", there.config)

    assert found(there.simulator.tenant, mailbox)["ProhibitSendReceiveQuota"] == "Unlimited"


@pytest.mark.parametrize(
    ("column", "cell", "expected"),
    [
        ("add_addresses", "a@contoso.com;b@", "one or several, separated by ;: an address"),
        ("add_addresses", "a@contoso.com;;b@contoso.com", "one or several, separated by ;"),
        ("send_quota", "much", "a size such as 50GB, 49.5 GB or Unlimited"),
        ("send_quota", "1.024GB", "a size such as 50GB, 49.5 GB or Unlimited"),
        ("send_quota", "$null", "a size such as 50GB, 49.5 GB or Unlimited"),
        ("hidden", "maybe", "true or false"),
    ],
)
def test_a_cell_that_is_not_sound_is_told_before_anything_is_sent(
    bulkps: Run, tmp_path: Path, column: str, cell: str, expected: str
) -> None:
    write_csv(tmp_path / "in.csv", [{"mailbox": "ann@contoso.com", column: cell}])

    result = bulkps("check", "set-mailbox", tmp_path / "in.csv")

    assert result.exit_code == 3
    assert expected in result.stdout + result.stderr


def test_a_dry_run_shows_lists_hashtables_and_null_as_typed(bulkps: Run, tmp_path: Path) -> None:
    row = {
        "mailbox": "o'hara@contoso.com",
        "add_addresses": "a@b.example;c@d.example",
        "custom_attribute_1": "$null",
    }
    write_csv(tmp_path / "in.csv", [row])

    shown = bulkps("run", "set-mailbox", tmp_path / "in.csv", "--dry-run")
    told = bulkps("run", "set-mailbox", tmp_path / "in.csv", "--dry-run", "--json")

    assert (
        "Set-Mailbox -Identity 'o''hara@contoso.com' -EmailAddresses @{Add='a@b.example','c@d.example'} "
        "-CustomAttribute1 $null" in shown.stdout
    )
    assert '"CustomAttribute1": null' in told.stdout


def test_every_quote_that_powershell_knows_is_doubled_where_a_cmdlet_is_shown() -> None:
    line = Cmdlet("Set-Mailbox", {"Identity": "a'b‘c’d‚e‛f", "EmailAddresses": {"Add": ("x’",)}}).line()

    assert line == "Set-Mailbox -Identity 'a''b‘‘c’’d‚‚e‛‛f' -EmailAddresses @{Add='x’’'}"


@pytest.mark.parametrize("name", NAMES)
def test_an_example_is_kept_whole_by_a_run_and_its_template_is_sound(
    bulkps: Run, tmp_path: Path, name: str
) -> None:
    operation = load_operation((EXAMPLES / f"{name}.yaml").read_text(encoding="utf-8"), name)

    assert load_operation(dump_operation(operation), "copy") == operation
    assert bulkps("template", name, "-o", tmp_path / "t.csv").exit_code == 0
    assert bulkps("check", name, tmp_path / "t.csv").exit_code == 0
    assert bulkps("operations", name).exit_code == 0


def test_what_is_left_of_a_hashtable_is_sent_and_nothing_of_an_empty_one() -> None:
    operation = load_operation((EXAMPLES / "set-mailbox.yaml").read_text(encoding="utf-8"), "set-mailbox")
    some = places(operation, {"mailbox": "m", "add_addresses": ("a@x.example",)}, "k", "b", {})
    none = places(operation, {"mailbox": "m", "custom_attribute_1": NULL}, "k", "b", {})

    assert bind(operation.steps[0], some).parameters == {
        "Identity": "m",
        "EmailAddresses": {"Add": ("a@x.example",)},
    }
    assert bind(operation.steps[0], none).parameters == {"Identity": "m", "CustomAttribute1": NULL}


@pytest.mark.parametrize(
    ("right", "wrong", "expected"),
    [
        ("        Add:", "        Ad:", "did you mean Add?"),
        (
            'CustomAttribute1: "{custom_attribute_1}"',
            'CustomAttribute1: "x{custom_attribute_1}"',
            "use it alone",
        ),
        (
            'CustomAttribute1: "{custom_attribute_1}"',
            'CustomAttribute1: "{add_addresses}"',
            "takes one String",
        ),
        (
            'CustomAttribute1: "{custom_attribute_1}"',
            "CustomAttribute1: {Add: x}",
            "does not take a hashtable",
        ),
        ('CustomAttribute1: "{custom_attribute_1}"', "CustomAttribute1: [x, y]", "not a list"),
        ('Add: "{add_addresses}"', 'Add: "{custom_attribute_1}"', "which a list or hashtable cannot contain"),
        (
            'Add: "{add_addresses}"',
            'Add: [x, "{custom_attribute_1}"]',
            "which a list or hashtable cannot contain",
        ),
        ('Identity: "{mailbox}"', 'Identity: "{custom_attribute_1}"', "needs a value"),
        ('Identity: "{mailbox}"', "Identity: $null", "must have a value, not $null"),
        ("exclusive: [mailbox]", "exclusive: [add_addresses]", "cannot identify one object"),
        ("    required: true", "    required: true\n    clearable: true", "cannot be clearable"),
        ("name: set-mailbox", "name: new", "is reserved for the command"),
    ],
)
def test_a_value_that_a_parameter_cannot_hold_is_found_when_the_file_loads(
    right: str, wrong: str, expected: str
) -> None:
    text = (EXAMPLES / "set-mailbox.yaml").read_text(encoding="utf-8")
    assert right in text

    with pytest.raises(InvalidInput) as caught:
        load_operation(text.replace(right, wrong), "mine.yaml")

    assert expected in str(caught.value)


# This one is in no release. All would take half a minute; test_any_cmdlet tries every one in another way.
@pytest.mark.parametrize("name", sorted(CMDLETS.keys() - {"Get-RetentionCompliancePolicy"})[::6])
def test_a_starting_file_loads_as_it_is_and_with_all_that_is_optional(name: str) -> None:
    try:
        text = starting_text("mine", CMDLETS[name])
    except ValueError as error:
        assert "no parameter that a row could fill" in str(error)
        return
    loads, mark, rest = text.partition("    # An answer")
    optional = re.sub(r"(?m)^( +)# (?!Optional)(?= *\w+:)", r"\1", loads)

    load_operation(text, name)
    load_operation(optional + mark + rest, name)
    assert (optional == loads) == ("# Optional" not in loads)


def test_a_starting_file_is_written_and_can_be_run(
    bulkps: Run, tenant: Start, tmp_path: Path, operations_path: Path
) -> None:
    there = tenant()
    path = operations_path / "hide.yaml"
    made = bulkps("operations", "new", "hide", "--cmdlet", "set-mailbox", "-o", path)
    text = path.read_text(encoding="utf-8")
    for line in (
        "  hidden_from_address_lists_enabled:",
        "    help: HiddenFrom",
        "    type: [boolean]\n  # forw",
    ):
        text = text.replace(f"  # {line[2:]}", line, 1)
    text = text.replace("      # HiddenFrom", "      HiddenFrom")
    path.write_text(text.replace("key: [identity]", "key: [identity, hidden_from_address_lists_enabled]"))
    mailbox = str(there.simulator.tenant.active(0)["PrimarySmtpAddress"])
    write_csv(tmp_path / "in.csv", [{"identity": mailbox, "hidden_from_address_lists_enabled": "true"}])

    said = run(bulkps, "hide", tmp_path / "in.csv", there.config)

    assert made.exit_code == 0, made.output
    assert said["counts"]["COMPLETED"] == 1
    assert found(there.simulator.tenant, mailbox)["HiddenFromAddressListsEnabled"] is True
    again = bulkps("operations", "new", "hide", "--cmdlet", "Set-Mailbox", "-o", path)
    assert again.exit_code == 2
    assert "--force" in again.stderr


@pytest.mark.parametrize(("cmdlet", "column"), [("Enable-Mailbox", "identity"), ("New-Mailbox", "name")])
def test_a_starting_file_asks_for_what_the_usual_parameter_set_does(cmdlet: str, column: str) -> None:
    operation = load_operation(starting_text("mine", CMDLETS[cmdlet]), "mine.yaml")

    assert column in operation.required_columns()
    assert not [name for name in operation.required_columns() if name.startswith("linked")]


def test_a_starting_file_for_no_cmdlet_names_the_nearest(bulkps: Run) -> None:
    result = bulkps("operations", "new", "mine", "--cmdlet", "Set-Mailbx")

    assert result.exit_code == 2
    assert "did you mean Set-Mailbox?" in result.stderr


def test_options_stand_before_or_behind_the_operations_name(bulkps: Run) -> None:
    behind = bulkps("operations", "set-mailbox", "--json")
    before = bulkps("operations", "--json", "set-mailbox")

    assert as_object(behind) == as_object(before)
    assert as_object(behind)["steps"][0]["parameters"]["EmailAddresses"] == {
        "Add": "{add_addresses}",
        "Remove": "{remove_addresses}",
    }
    assert bulkps("operations", "set-mailbx").exit_code == 2


@pytest.mark.parametrize("cmdlet", ["Set-Frobnication", "Add-HolidayPermission", "New-Nonsense"])
def test_a_starting_file_for_a_cmdlet_without_data_says_that_there_is_none(bulkps: Run, cmdlet: str) -> None:
    refused = bulkps("operations", "new", "mine", "--cmdlet", cmdlet)

    assert refused.exit_code == 2
    assert "did you mean" not in refused.stderr
    assert "only cmdlets whose parameters bulkps knows and checks" in refused.stderr


@pytest.mark.parametrize("cmdlet", ["Remove-Mailbox", "Disable-Mailbox"])
def test_a_starting_file_that_deletes_is_one_way_and_meets_no_prompt(cmdlet: str) -> None:
    operation = load_operation(starting_text("mine", CMDLETS[cmdlet]), "mine.yaml")

    assert operation.one_way
    assert operation.steps[0].parameters["Confirm"] is False


#: Steps that cannot be undone, and one that can: cmdlet, parameters beside Identity, what is named.
ONE_WAY = [
    ("Remove-Mailbox", "", "Remove-Mailbox"),
    ("Disable-Mailbox", "", "Disable-Mailbox"),
    ("Undo-SoftDeletedMailbox", "SoftDeletedObject", "Undo-SoftDeletedMailbox"),
    ("Set-Mailbox", "RemoveDelayHoldApplied: true", "Set-Mailbox -RemoveDelayHoldApplied"),
    ("Set-Mailbox", 'ExcludeFromOrgHolds: ["x"]', "Set-Mailbox -ExcludeFromOrgHolds"),
    ("Set-Mailbox", "RecalculateInactiveMailbox: true", "Set-Mailbox -RecalculateInactiveMailbox"),
    ("Set-Mailbox", "LitigationHoldEnabled: false", "Set-Mailbox -LitigationHoldEnabled"),
    ("Set-Mailbox", 'LitigationHoldEnabled: "{value}"', "Set-Mailbox -LitigationHoldEnabled"),
    (
        "Set-User",
        "PermanentlyClearPreviousMailboxInfo: true",
        "Set-User -PermanentlyClearPreviousMailboxInfo",
    ),
]
REVERSIBLE = [
    ("Set-Mailbox", "HiddenFromAddressListsEnabled: true"),
    ("Set-Mailbox", "LitigationHoldEnabled: true"),
    ("Set-Mailbox", "RemoveDelayHoldApplied: false"),
    ("Set-Mailbox", "InactiveMailbox: true"),
    ("Suspend-MailboxRestoreRequest", "SuspendComment: later"),
]


def own(cmdlet: str, parameter: str, rest: str = "") -> str:
    """Return an operation that sends *cmdlet* with one further parameter."""
    identity = "SoftDeletedObject" if parameter == "SoftDeletedObject" else "Identity"
    further = f"\n      {parameter}" if ":" in parameter else ""
    return (
        "name: mine\nsummary: Mine.\n"
        "columns:\n  who: {required: true, help: h}\n  value: {type: [boolean], help: h}\n"
        f"source: who\nkey: [who, value]\n{rest}steps:\n  - name: one\n    cmdlet: {cmdlet}\n"
        f'    parameters:\n      {identity}: "{{who}}"{further}\n      Confirm: false\n    idempotent: true\n'
    )


@pytest.mark.parametrize(("cmdlet", "parameter", "named"), ONE_WAY)
def test_an_operation_that_cannot_be_undone_is_one_way_whatever_its_yaml_says(
    cmdlet: str, parameter: str, named: str
) -> None:
    derived = load_operation(own(cmdlet, parameter), "mine.yaml")
    kept = load_operation(dump_operation(derived), "run")
    with pytest.raises(InvalidInput) as raised:
        load_operation(own(cmdlet, parameter, "one_way: false\n"), "mine.yaml")

    assert derived.one_way is True
    assert kept == derived
    assert raised.value.problems == (
        f"line 8: one_way: {named} cannot be undone, so a run must ask first: expected true or nothing",
    )


@pytest.mark.parametrize(("cmdlet", "parameter"), REVERSIBLE)
def test_yaml_makes_an_operation_stricter(cmdlet: str, parameter: str) -> None:
    assert load_operation(own(cmdlet, parameter), "mine.yaml").one_way is False
    assert load_operation(own(cmdlet, parameter, "one_way: true\n"), "mine.yaml").one_way is True


def test_what_only_a_variant_removes_cannot_be_undone_either() -> None:
    text = own("Set-Mailbox", "HiddenFromAddressListsEnabled: true") + (
        "    variants:\n      - when: [value]\n        parameters: {RemoveOrphanedHolds: [x]}\n"
        "      - parameters: {RemoveOrphanedHolds: []}\n"
    )

    assert load_operation(text, "mine.yaml").one_way is True


def test_an_operation_that_removes_mailboxes_asks_though_its_yaml_forgets_one_way(
    bulkps: Run, tenant: Start, tmp_path: Path, operations_path: Path
) -> None:
    there = tenant()
    (operations_path / "mine.yaml").write_text(own("Remove-Mailbox", ""), encoding="utf-8")
    (tmp_path / "in.csv").write_text("who\nann@contoso.com\n", encoding="utf-8")

    said = bulkps("run", "mine", tmp_path / "in.csv", "--config", there.config)

    assert said.exit_code == 2
    assert "mine cannot be undone, and there is no terminal to ask you on; nothing was sent" in said.stderr
    assert there.simulator.calls == {}
