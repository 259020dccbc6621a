"""What will fail, as far as that is known before a row is sent: all checks of a row together. Pure.

To use it, read what ``PreflightFacts`` needs, build it with the ``from_properties`` constructors, and call
``recovery_findings`` or ``restore_findings``. Leave None what was not read: the result is then a note that it
was not checked, never silence. Each check is also a function of its own, named after what it finds. The codes
are in ``bulkps.preflight.findings``.

    around = PreflightFacts(
        sources=tuple(map(Recipient.from_properties, outcome.output)),
        organization=Organization.from_properties(config, domains),
    )
    findings = recovery_findings(WantedRecovery(guid, upn), around, now)
"""

from collections.abc import Iterable
from datetime import datetime

from bulkps.preflight.findings import Blocks, Code, Finding, Severity, not_checked
from bulkps.preflight.name_conflict_checks import (
    account_exists,
    domain_not_accepted,
    federated_domain,
    guid_reused,
    name_garbled,
    name_taken,
)
from bulkps.preflight.preflight_facts import PreflightFacts
from bulkps.preflight.recipient import Recipient
from bulkps.preflight.row_intent import WantedRecovery, WantedRestore
from bulkps.preflight.source_checks import (
    additional_shards,
    ambiguous_identity,
    auto_expanding_archive,
    how_to_look,
    not_inactive,
    source_archive,
    source_is_active,
    source_missing,
    still_soft_deleted,
)
from bulkps.preflight.target_checks import (
    large_data_loss,
    legacy_dn_mismatch,
    not_visible,
    request_exists,
    target_synced,
    target_too_full,
    target_unusable,
)

_GRAVITY, _ORDER = tuple(Severity), tuple(Code)


def recovery_findings(wanted: WantedRecovery, around: PreflightFacts, now: datetime) -> tuple[Finding, ...]:
    """Return all findings about a recovery, the most serious first, then in the order of the codes.

    Args:
        wanted: What the row asks for.
        around: What was read.
        now: The time, with a zone.
    """
    source = _only(around.sources)
    found = [
        *_source_found(wanted.source_identity, around.sources, Blocks.RECOVER),
        federated_domain(wanted, around.organization),
        domain_not_accepted(wanted, around.organization),
        name_taken(wanted, source, around.recipients),
    ]
    if source is not None:
        found += [
            auto_expanding_archive(source, around.organization),
            additional_shards(source),
            still_soft_deleted(source, now),
            account_exists(source, around.recipients),
            not_inactive(source, now),
            guid_reused(source, around, Blocks.RECOVER),
            name_garbled(wanted, source),
        ]
    return _ordered(found)


def restore_findings(wanted: WantedRestore, around: PreflightFacts) -> tuple[Finding, ...]:
    """Return all findings about a restore, the most serious first, then in the order of the codes.

    Args:
        wanted: What the row asks for.
        around: What was read.
    """
    source, target = _only(around.sources), _only(around.targets)
    found = [
        *_source_found(
            wanted.source_identity, around.sources, Blocks.RESTORE, database=wanted.source_database
        ),
        ambiguous_identity(wanted.target_identity, around.targets or (), Blocks.RESTORE),
        target_unusable(wanted, source, target, around),
        request_exists(source, wanted, around.requests),
        not_visible(wanted),
        large_data_loss(wanted),
    ]
    if source is not None:
        found += [source_archive(source, wanted), source_is_active(source, target)]
    if source is not None and not wanted.source_database:
        # Both only concern Exchange Online: an Exchange Server's archives do not expand, and its disconnected
        # mailboxes are named by database and MailboxGuid, even if another object has that GUID.
        found += [
            auto_expanding_archive(source, around.organization),
            guid_reused(source, around, Blocks.RESTORE),
        ]
    if source is not None and target is not None:
        found += [
            legacy_dn_mismatch(source, target, wanted),
            target_too_full(source, target, wanted),
            target_synced(source, target, wanted),
        ]
    return _ordered(found)


def _source_found(
    identity: str, sources: tuple[Recipient, ...] | None, blocks: Blocks, *, database: str = ""
) -> tuple[Finding | None, ...]:
    if sources is None:
        how = how_to_look(identity, database)
        unread = "the source"
        return (not_checked(Code.SOURCE_MISSING, blocks, unread, how),)
    return (ambiguous_identity(identity, sources, Blocks.BOTH), source_missing(identity, sources, database))


def _only(found: tuple[Recipient, ...] | None) -> Recipient | None:
    """Return the one recipient that was found, or None if there are none or several."""
    if not found or any(not found[0].is_object(other) for other in found[1:]):
        return None
    return found[0]


def _ordered(found: Iterable[Finding | None]) -> tuple[Finding, ...]:
    # The enumeration lists the codes in the order B1 to B16.
    def place(one: Finding) -> tuple[int, int]:
        return _GRAVITY.index(one.severity), _ORDER.index(one.code)

    return tuple(sorted(filter(None, found), key=place))
