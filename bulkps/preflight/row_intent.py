"""What a row wants, as far as pre-flight needs it. Pure."""

from dataclasses import dataclass


def _refuse_empty(**identities: str) -> None:
    for name, value in identities.items():
        # Exchange answers an empty Identity with every object.
        if not value.strip():
            raise ValueError(f"{name} must not be empty")


@dataclass(frozen=True)
class WantedRecovery:
    """What a recovery row asks for.

    Attributes:
        source_identity: The name of the inactive mailbox.
        upn: The new account's user principal name (MicrosoftOnlineServicesID).
        name: The new mailbox's Name; empty if it is the user principal name.
        smtp: Its primary SMTP address; empty if it is the user principal name.
        display_name: Its DisplayName; empty if it is not compared.
    """

    source_identity: str
    upn: str
    name: str = ""
    smtp: str = ""
    display_name: str = ""

    def __post_init__(self) -> None:
        """Refuse an identity that would name everything."""
        _refuse_empty(source_identity=self.source_identity, upn=self.upn)


@dataclass(frozen=True)
class WantedRestore:
    """What a restore row asks for.

    Attributes:
        source_identity: The name of the source.
        target_identity: The name of the target.
        request_name: The request's Name; empty if Exchange chooses it.
        source_is_archive: Copy from the source's archive (SourceIsArchive).
        target_is_archive: Copy into the target's archive (TargetIsArchive).
        allow_legacy_dn_mismatch: Whether AllowLegacyDNMismatch is given.
        prepare_x500: Whether the target gets the source's LegacyExchangeDN as an X500 address first.
        remove_x500: Whether that address is removed again once the request is completed.
        target_folder: The folder that everything is copied into (TargetRootFolder), or empty.
        source_database: The database of a disconnected source (on-premises), or empty.
        bad_item_limit: How many damaged items may be skipped; empty if not given.
        large_item_limit: The same for items that are too large.
        accept_large_data_loss: Whether AcceptLargeDataLoss is given.
        other_names: Folded names of the requests that the same row would create if it named source or target
            in another way; and of its first request, if the row is done again.
        once_more: Whether a completed row is done again.
    """

    source_identity: str
    target_identity: str
    request_name: str = ""
    source_is_archive: bool = False
    target_is_archive: bool = False
    allow_legacy_dn_mismatch: bool = False
    prepare_x500: bool = False
    remove_x500: bool = False
    target_folder: str = ""
    source_database: str = ""
    bad_item_limit: str = ""
    large_item_limit: str = ""
    accept_large_data_loss: bool = False
    other_names: frozenset[str] = frozenset()
    once_more: bool = False

    def __post_init__(self) -> None:
        """Refuse an identity that would name everything."""
        _refuse_empty(source_identity=self.source_identity, target_identity=self.target_identity)
