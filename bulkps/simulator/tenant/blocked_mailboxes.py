"""Mailboxes that cannot be recovered or restored: one case for each blocker of exchange-facts.md 3.3. Pure.

Every case has its own source and target, so that nothing else is wrong with it. Only ``target-synced`` comes
with ``legacy-dn-mismatch``: being synced only matters for a target without the source's LegacyExchangeDN.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from bulkps.simulator.cmdlets.cmdlet_result import Value
from bulkps.simulator.tenant import fake_directory
from bulkps.simulator.tenant.mailbox import Kind, Mailbox
from bulkps.simulator.tenant.restore_request import RestoreRequest

#: The federated domain: no account can be created in it.
FEDERATED = "fabrikam.com"
_RECOVERY, _RESTORE = "recovery", "restore"
_FIRST_PERSON = 3_000_000
_RETIRED = fake_directory.FIRST_DELETION.replace(year=2025)
_FULL, _LARGE = 106_300_440_576, 53_150_220_288  #: 99 GB in the target, 49.5 GB in the source.


@dataclass(frozen=True)
class Trouble:
    """The values of a row that meets a blocker.

    Attributes:
        code: The code of pre-flight's finding.
        operation: The operation that it blocks: ``recovery`` or ``restore``; some block both.
        source: The source's ExchangeGuid.
        target: For a restore: the target's address.
        upn: For a recovery: the new account's user principal name.
        source_is_archive: Whether the row copies the archive.
        target_is_archive: Whether the row copies into the archive.
        request: The name of the existing restore request.
    """

    code: str
    operation: str
    source: str
    target: str
    upn: str
    source_is_archive: bool = False
    target_is_archive: bool = False
    request: str = ""


@dataclass(frozen=True)
class Made:
    """The objects in the tenant for a blocker.

    Attributes:
        row: The values of a row that meets it.
        mailboxes: The objects that it needs.
        requests: The restore requests that it needs.
    """

    row: Trouble
    mailboxes: tuple[Mailbox, ...]
    requests: tuple[RestoreRequest, ...]


def all_troubles(seed: int) -> Iterable[Made]:
    """Yield every case in the tenant of *seed*, in the order B1 to B16."""
    for place, (blocker, code, operation, spoil) in enumerate(_CASES):
        scene = _Scene(seed, place, f"b{blocker:02d}-{code}")
        spoil(scene)
        yield scene.made(code, operation)


@dataclass
class _Scene:
    """A case that is being built: at first without a problem, with a target that matches its source."""

    seed: int
    place: int
    alias: str
    source: Mailbox = field(init=False)
    target: Mailbox = field(init=False)
    others: list[Mailbox] = field(default_factory=list)
    absent: list[Mailbox] = field(default_factory=list)
    requests: list[RestoreRequest] = field(default_factory=list)
    row: dict[str, str] = field(default_factory=dict)
    from_archive: bool = False
    into_archive: bool = False

    def __post_init__(self) -> None:
        self.source = Mailbox(Kind.INACTIVE, self.kept(self.alias))
        self.target = self.living("target", self.source.text("LegacyExchangeDN"))

    def kept(self, alias: str, *, archive: bool = False) -> dict[str, Value]:
        """Return the properties of an inactive mailbox with *alias*, under a Litigation Hold."""
        index, address = _FIRST_PERSON + self.place, f"{alias}@{fake_directory.DOMAIN}"
        return {
            **fake_directory.mailbox(self.seed, f"troubled {alias}", index, alias, address, archive=archive),
            **fake_directory.deleted(self.seed, alias, self.place),
            "IsInactiveMailbox": True,
            "WasInactiveMailbox": False,
            "LitigationHoldEnabled": True,
            "InPlaceHolds": [],
        }

    def living(self, suffix: str, legacy_dn: str = "") -> Mailbox:
        """Return the same person's new mailbox, which has *legacy_dn* as an X500 address."""
        alias = f"{self.alias}-{suffix}"
        index, address = _FIRST_PERSON + self.place, f"{alias}@{fake_directory.DOMAIN}"
        made = fake_directory.mailbox(self.seed, f"troubled {alias}", index, alias, address, archive=False)
        x500 = [f"X500:{legacy_dn}"] if legacy_dn else []
        addresses: list[Value] = [f"SMTP:{address}", f"smtp:{alias}@contoso.onmicrosoft.com", *x500]
        return Mailbox(
            Kind.ACTIVE, {**made, **fake_directory.living(self.seed, alias), "EmailAddresses": addresses}
        )

    def locate(self, kind: str) -> None:
        """Give the source one more part of *kind*."""
        part, database = (fake_directory.guid(self.seed, self.alias, what) for what in (kind, "database"))
        locations = self.source.properties["MailboxLocations"]
        if isinstance(locations, list):
            locations.append(fake_directory.location(part, kind, database))

    def request(self, *, suspended: bool) -> None:
        """Add a request from source into target that never ends."""
        created = fake_directory.FIRST_DELETION.timestamp()
        self.row["request"] = "MailboxRestore"
        self.requests.append(
            RestoreRequest(
                name="MailboxRestore",
                guid=fake_directory.guid(self.seed, "request", self.alias),
                batch="",
                source=self.source,
                target=self.target,
                created=created,
                suspended_at=created if suspended else None,
                endless=True,
            )
        )

    def made(self, code: str, operation: str) -> Made:
        row = Trouble(
            **{
                "code": code,
                "operation": operation,
                "source": str(self.source.exchange_guid),
                "target": self.target.text("PrimarySmtpAddress"),
                "upn": f"recovered.{self.alias}@{fake_directory.DOMAIN}",
                **self.row,
            },
            source_is_archive=self.from_archive,
            target_is_archive=self.into_archive,
        )
        there = [one for one in (self.source, self.target, *self.others) if one not in self.absent]
        return Made(row, tuple(there), tuple(self.requests))


def _auto_expanding_archive(scene: _Scene) -> None:
    scene.source.properties = {**scene.source.properties, **scene.kept(scene.alias, archive=True)}
    scene.source.properties = {**scene.source.properties, "AutoExpandingArchiveEnabled": True}
    scene.locate("AuxArchive")


def _additional_shards(scene: _Scene) -> None:
    scene.locate("AuxPrimary")


def _still_soft_deleted(scene: _Scene) -> None:
    scene.source.properties = {
        **scene.source.properties,
        "ExternalDirectoryObjectId": str(fake_directory.guid(scene.seed, "entra", scene.alias)),
    }


def _account_exists(scene: _Scene) -> None:
    upn = scene.source.text("UserPrincipalName")
    account = fake_directory.unlicensed_user(scene.seed, scene.place, f"{scene.alias}-again", upn)
    scene.others.append(Mailbox(Kind.NONE, account))


def _federated_domain(scene: _Scene) -> None:
    scene.row["upn"] = f"{scene.alias}@{FEDERATED}"


def _domain_not_accepted(scene: _Scene) -> None:
    scene.row["upn"] = f"{scene.alias}@contso.com"


def _name_taken(scene: _Scene) -> None:
    holder = scene.living("holder")
    scene.others.append(holder)
    scene.row["upn"] = holder.text("UserPrincipalName")


def _not_inactive(scene: _Scene) -> None:
    scene.source.kind = Kind.SOFT_DELETED
    scene.source.properties = {
        **scene.source.properties,
        "IsInactiveMailbox": False,
        "WasInactiveMailbox": True,
        "LitigationHoldEnabled": False,
        "InactiveMailboxRetireTime": _RETIRED,
    }


def _ambiguous_identity(scene: _Scene) -> None:
    shared = {name: scene.source.properties[name] for name in ("ExchangeGuid", "MailboxLocations")}
    scene.others.append(Mailbox(Kind.INACTIVE, scene.kept(f"{scene.alias}-twin") | shared))


def _target_missing(scene: _Scene) -> None:
    scene.absent.append(scene.target)


def _target_not_a_mailbox(scene: _Scene) -> None:
    user = fake_directory.mail_user(scene.seed, scene.place, f"{scene.alias}-user")
    user["EmailAddresses"] = [
        f"SMTP:{user['PrimarySmtpAddress']}", f"X500:{scene.source.text('LegacyExchangeDN')}",
    ]  # fmt: skip
    scene.absent.append(scene.target)
    scene.others.append(Mailbox(Kind.MAIL_USER, user))
    scene.row["target"] = str(user["PrimarySmtpAddress"])


def _target_is_source(scene: _Scene) -> None:
    scene.absent.append(scene.source)
    scene.row["source"] = str(scene.target.exchange_guid)


def _target_has_no_archive(scene: _Scene) -> None:
    scene.into_archive = True


def _legacy_dn_mismatch(scene: _Scene) -> None:
    scene.target = scene.living("stranger")


def _target_too_full(scene: _Scene) -> None:
    scene.source.size, scene.target.size = _LARGE, _FULL


def _request_exists(scene: _Scene) -> None:
    scene.request(suspended=True)


def _request_unfinished(scene: _Scene) -> None:
    scene.request(suspended=False)


def _archive_left_out(scene: _Scene) -> None:
    scene.source.properties = {**scene.source.properties, **scene.kept(scene.alias, archive=True)}


def _source_has_no_archive(scene: _Scene) -> None:
    scene.from_archive = True


def _target_synced(scene: _Scene) -> None:
    scene.target = scene.living("stranger")
    scene.target.properties = {**scene.target.properties, "IsDirSynced": True}


def _source_missing(scene: _Scene) -> None:
    scene.absent.append(scene.source)


def _guid_reused(scene: _Scene) -> None:
    user = fake_directory.mail_user(scene.seed, scene.place, f"{scene.alias}-again")
    user |= {"IsDirSynced": True, "ExchangeGuid": scene.source.properties["ExchangeGuid"]}
    scene.others.append(Mailbox(Kind.MAIL_USER, user))


_CASES: tuple[tuple[int, str, str, Callable[[_Scene], None]], ...] = (
    (1, "auto-expanding-archive", _RECOVERY, _auto_expanding_archive),
    (2, "additional-shards", _RECOVERY, _additional_shards),
    (3, "still-soft-deleted", _RECOVERY, _still_soft_deleted),
    (4, "account-exists", _RECOVERY, _account_exists),
    (5, "federated-domain", _RECOVERY, _federated_domain),
    (5, "domain-not-accepted", _RECOVERY, _domain_not_accepted),
    (6, "name-taken", _RECOVERY, _name_taken),
    (7, "not-inactive", _RECOVERY, _not_inactive),
    (8, "ambiguous-identity", _RESTORE, _ambiguous_identity),
    (9, "target-missing", _RESTORE, _target_missing),
    (9, "target-not-a-mailbox", _RESTORE, _target_not_a_mailbox),
    (9, "target-is-source", _RESTORE, _target_is_source),
    (9, "target-has-no-archive", _RESTORE, _target_has_no_archive),
    (10, "legacy-dn-mismatch", _RESTORE, _legacy_dn_mismatch),
    (11, "target-too-full", _RESTORE, _target_too_full),
    (12, "request-exists", _RESTORE, _request_exists),
    (12, "request-unfinished", _RESTORE, _request_unfinished),
    (13, "archive-left-out", _RESTORE, _archive_left_out),
    (13, "source-has-no-archive", _RESTORE, _source_has_no_archive),
    (14, "target-synced", _RESTORE, _target_synced),
    (15, "source-missing", _RESTORE, _source_missing),
    (16, "guid-reused", _RECOVERY, _guid_reused),
)
