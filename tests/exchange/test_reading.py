"""What pre-flight reads: never everybody by mistake, only what reads, each fact once."""

from collections.abc import Iterable, Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkps.exchange.calls_and_outcomes import Cmdlet
from bulkps.exchange.cmdlet_metadata import cmdlet_facts
from bulkps.preflight.query import Facet, Read, any_of, one
from bulkps.preflight.query_planner import QueryPlanner, Wanted
from bulkps.preflight.row_intent import WantedRecovery, WantedRestore
from tests.exchange.mailboxes import ACTIVE, DOMAINS, INACTIVE, SOURCE, TARGET, UPN

#: Parameters that say what a read is about.
NAMING = {"Identity", "Filter", "TargetMailbox", "StoreMailboxIdentity"}
EMPTY = ("", " ", "\t\n", "\u00a0")
Objects = Sequence[Mapping[str, object]]

# --- what a read cannot be ----------------------------------------------------------------------------


@pytest.mark.parametrize("empty", EMPTY)
def test_a_read_about_an_empty_name_cannot_be_made(empty: str) -> None:
    with pytest.raises(ValueError, match="would match every object"):
        one(Facet.MAILBOXES, "Get-Mailbox", (), {"Identity": empty})
    with pytest.raises(ValueError, match="would match every object"):
        one(
            Facet.DISCONNECTED,
            "Get-MailboxStatistics",
            (),
            {"StoreMailboxIdentity": SOURCE, "Database": empty},
        )
    with pytest.raises(ValueError, match="would match every object"):
        any_of([("Name", "ann"), ("EmailAddresses", empty)])
    with pytest.raises(ValueError, match="would match every object"):
        Read(Facet.USERS, Cmdlet("Get-User", {"Filter": empty}), ())
    with pytest.raises(ValueError, match="empty"):
        WantedRecovery(empty, UPN)
    with pytest.raises(ValueError, match="empty"):
        WantedRestore(SOURCE, empty)


@pytest.mark.parametrize("name", ["Identity", "TargetMailbox", "StoreMailboxIdentity"])
def test_a_read_about_whoever_fits_cannot_be_made(name: str) -> None:
    with pytest.raises(ValueError, match="an asterisk can match many objects"):
        one(Facet.MAILBOXES, "Get-Mailbox", (), {name: "*@contoso.com"})


def test_a_read_about_nothing_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="must name something"):
        one(Facet.MAILBOXES, "Get-Mailbox", (), {})
    with pytest.raises(ValueError, match="would match every object"):
        any_of([])
    with pytest.raises(ValueError, match="would match every object"):
        Read(Facet.MAILBOXES, Cmdlet("Get-Mailbox", {"Identity": None}), ())
    with pytest.raises(ValueError, match="would match every object"):
        Read(Facet.MAILBOXES, Cmdlet("Get-Mailbox", {"ResultSize": "Unlimited"}), (), about="ann")


def test_an_apostrophe_in_a_name_stays_in_its_quotes() -> None:
    assert any_of([("Name", "o'brien' -or Name -like '*")]) == "Name -eq 'o''brien'' -or Name -like ''*'"


# --- what is sent, whatever the rows say and whatever comes back --------------------------------------

guids = st.integers(0, 40).map(lambda n: f"3f2504e0-4f89-41d3-9a0c-0305e82c33{n:02x}")
addresses = st.text("aB'!#", min_size=1, max_size=3).map(lambda name: f"{name}@contoso.com")
names = st.one_of(guids, addresses, guids.map(lambda guid: f"CN={guid},DC=contoso,DC=com"))
recoveries = st.builds(
    WantedRecovery, guids, addresses, st.sampled_from(["", "Ann"]), st.one_of(st.just(""), addresses)
)
databases = st.sampled_from(["", "", "DB1", "DB2"])
kinds: dict[str, st.SearchStrategy[Wanted]] = {
    "recovery": recoveries,
    "restore": st.builds(WantedRestore, guids, names, target_is_archive=st.booleans()),
    "on-premises": st.builds(WantedRestore, guids, names, source_database=databases),
}


def found_by(read: Read, known: Objects, *, online: bool) -> Objects:
    """Answer as Exchange might: with less than was asked for, or more."""
    match read.facet:
        case Facet.DOMAINS:
            return DOMAINS
        case Facet.REQUESTS | Facet.REQUEST_STATISTICS:
            return [
                {"Name": "r", "Identity": "pinilla\\r", "Status": "InProgress", "TargetMailbox": "pinilla"},
                {"Name": "", "Identity": "", "Status": ""},
            ]
        case Facet.SIZES | Facet.ARCHIVE_SIZES:
            return [{"TotalItemSize": "1 GB (1,073,741,824 bytes)"}]
        case Facet.DISCONNECTED:
            return [{"MailboxGuid": SOURCE, "DisplayName": "Pilar", "DisconnectReason": "Disabled"}]
    return [one for one in known if online or one["IsInactiveMailbox"] is False]


def read_all(planner: QueryPlanner, known: Objects, unread: set[Facet], *, online: bool) -> list[Read]:
    done = []
    for reads in planner.rounds():
        for read in reads:
            if read.facet in unread:
                planner.cache.fail(read, "no")
            else:
                planner.cache.take_in(read, found_by(read, known, online=online))
        done += reads
    return done


objects = st.lists(
    st.builds(
        lambda base, guid, **changed: {**base, "ExchangeGuid": guid, **changed},
        st.sampled_from([INACTIVE, ACTIVE]),
        guids,
        EmailAddresses=addresses.map(lambda address: [f"SMTP:{address}"]),
        Guid=guids,
        ArchiveGuid=st.one_of(st.just(""), guids),
        UserPrincipalName=st.one_of(st.just(""), addresses),
    ),
    max_size=4,
)


def check(read: Read, releases: Iterable[str]) -> None:
    """Hold what is true of every read."""
    given, facts = read.cmdlet.parameters, cmdlet_facts(read.cmdlet.name)
    assert facts is not None
    assert not facts.mutates
    named = [given[name] for name in NAMING & set(given)]
    assert all(isinstance(value, str) and value.strip() for value in given.values() if value is not True)
    assert bool(named) is bool(read.about)
    assert read.is_inventory is (not named and read.facet not in (Facet.ORGANIZATION, Facet.DOMAINS))
    for release in releases:
        assert release in facts.availability
        sets = set(facts.sets)
        for name in given:
            parameter = facts.parameter(name)
            assert parameter is not None, f"{read.cmdlet.name} -{name}"
            assert release in parameter.availability, f"{read.cmdlet.name} -{name} is not in {release}"
            sets &= set(parameter.sets or facts.sets)
        assert sets or not facts.sets, f"no parameter set takes {read.cmdlet.line()}"


@given(data=st.data(), kind=st.sampled_from(sorted(kinds)), sizes=st.sampled_from([None, True, False]))
def test_no_read_lacks_a_name_unless_it_is_an_inventory_and_each_exists_in_its_release(
    data: st.DataObject, kind: str, sizes: bool | None
) -> None:
    rows = data.draw(st.lists(kinds[kind], max_size=30))
    online = kind != "on-premises"
    planner = QueryPlanner(rows, online=online, sizes=sizes)

    done = read_all(
        planner, data.draw(objects), data.draw(st.sets(st.sampled_from(Facet), max_size=3)), online=online
    )

    for read in done:
        check(read, ("EXO",) if online else ("2016", "2019", "SE"))
    for row in rows:
        planner.facts_of(row)


@given(data=st.data(), kind=st.sampled_from(sorted(kinds)))
def test_nothing_is_read_twice_with_the_same_words(data: st.DataObject, kind: str) -> None:
    rows = data.draw(st.lists(kinds[kind], max_size=30))
    online = kind != "on-premises"

    done = read_all(QueryPlanner(rows, online=online), data.draw(objects), set(), online=online)

    lines = [read.cmdlet.line() for read in done]
    assert len(set(lines)) == len(lines)


# --- by item where few, by inventory where many -------------------------------------------------------


def wanted(count: int) -> list[Wanted]:
    return [WantedRestore(guid_of(n), f"a{n}@contoso.com") for n in range(count)]


def guid_of(number: int) -> str:
    return f"3f2504e0-4f89-41d3-9a0c-{number:012x}"


@pytest.mark.parametrize(
    ("rows", "reads", "inventories"),
    [(5, 10, 0), (10, 20, 0), (11, 1, 0), (200, 10, 0), (201, 3, 3), (5000, 3, 3)],
)
def test_few_mailboxes_are_read_one_by_one_more_by_list_and_many_by_an_inventory(
    rows: int, reads: int, inventories: int
) -> None:
    first = next(iter(QueryPlanner(wanted(rows), online=True).rounds()))

    mailboxes = [read for read in first if read.facet is Facet.MAILBOXES]
    assert (len(mailboxes), sum(read.is_inventory for read in mailboxes)) == (reads, inventories)
    assert all(read.sought for read in mailboxes if read.is_inventory)


@pytest.mark.parametrize("operation", [WantedRestore, WantedRecovery])
def test_an_inventory_that_is_given_up_is_made_up_for_by_lists(operation: type[Wanted]) -> None:
    rows = [operation(guid_of(n), f"a{n}@contoso.com") for n in range(450)]
    planner, done = QueryPlanner(rows, online=True), list[Read]()
    for reads in planner.rounds():
        for read in reads:
            if read.sought:
                planner.cache.give_up(read)
            else:
                planner.cache.take_in(read, [])
        done += reads

    assert not [
        read for read in done if read.is_inventory and not read.sought and read.facet is Facet.MAILBOXES
    ]
    around = planner.facts_of(rows[0])
    assert around.sources == (), "it was asked for, and is not there"
    assert around.recipients is not None
    assert not planner.cache.unread


@pytest.mark.parametrize("rows", [1, 31])
def test_what_could_not_be_read_is_not_known_and_what_is_not_there_is_empty(rows: int) -> None:
    row = wanted(rows)[0]
    missing, unread = QueryPlanner(wanted(rows), online=True), QueryPlanner(wanted(rows), online=True)
    read_all(missing, [], set(), online=True)
    read_all(unread, [], set(Facet), online=True)

    gone, dark = missing.facts_of(row), unread.facts_of(row)

    assert (gone.sources, gone.targets, gone.recipients) == ((), (), ())
    assert (dark.sources, dark.targets, dark.requests) == (None, None, None)
    assert set(unread.cache.unread) >= {Facet.ORGANIZATION, Facet.MAILBOXES}
    assert unread.cache.unread[Facet.MAILBOXES] == "Get-Mailbox: no"


def test_the_mailboxes_of_a_list_that_is_refused_are_read_one_by_one() -> None:
    planner, singles = QueryPlanner(wanted(30), online=True), 0
    for reads in planner.rounds():
        for read in reads:
            if read.covers and read.facet is Facet.MAILBOXES:
                planner.cache.fail(read, "cannot bind parameter 'Filter'")
            else:
                singles += read.facet is Facet.MAILBOXES
                planner.cache.take_in(read, [])

    assert singles == 60
    assert planner.facts_of(planner.wanted[0]).sources == ()
    assert Facet.MAILBOXES not in planner.cache.unread


def test_an_empty_mailbox_has_a_size() -> None:
    planner = QueryPlanner([WantedRestore(SOURCE, TARGET)], online=True, sizes=True)
    empty: dict[Facet, Objects] = {Facet.SIZES: [{"TotalItemSize": "0 B (0 bytes)"}]}
    for reads in planner.rounds():
        for read in reads:
            known = [INACTIVE, ACTIVE] if read.facet is Facet.MAILBOXES else []
            mine = [one for one in known if read.about in str(one["ExchangeGuid"]).casefold()]
            planner.cache.take_in(read, empty.get(read.facet, mine))

    [target] = planner.facts_of(planner.wanted[0]).targets or ()

    assert target.size == 0


@pytest.mark.parametrize("printed", ["pinilla\\r", "contoso.com/Users/pinilla\\r"])
def test_what_a_request_copies_is_told_by_what_was_asked_and_not_by_how_it_is_printed(printed: str) -> None:
    planner = QueryPlanner([WantedRestore(SOURCE, TARGET)], online=True)
    statistics = [{"Identity": printed, "SourceExchangeGuid": SOURCE, "TargetIsArchive": False}]
    request = {"Name": "r", "Identity": "pinilla\\r", "Status": "InProgress", "TargetMailbox": "pinilla"}
    for reads in planner.rounds():
        for read in reads:
            known = [INACTIVE, ACTIVE] if read.facet is Facet.MAILBOXES else []
            mine = [one for one in known if read.about in str(one["ExchangeGuid"]).casefold()]
            brought: dict[Facet, Objects] = {Facet.REQUESTS: [request], Facet.REQUEST_STATISTICS: statistics}
            planner.cache.take_in(read, brought.get(read.facet, mine))

    [found] = planner.facts_of(planner.wanted[0]).requests or ()

    assert found.source_exchange_guid == SOURCE


@pytest.mark.parametrize("rows", [1, 200])
def test_a_mailbox_is_found_by_every_name_that_a_cell_may_have(rows: int) -> None:
    dn = str(INACTIVE["DistinguishedName"])
    spellings = (SOURCE.upper(), f"{{{SOURCE}}}", dn, dn.swapcase())
    for spelling in spellings:
        mine = WantedRestore(spelling, "Pilar.Pinilla@CONTOSO.com")
        planner = QueryPlanner([mine, *wanted(rows - 1)], online=True)
        asked = {"Identity": spelling}
        for reads in planner.rounds():
            for read in reads:
                named = read.cmdlet.parameters.get("Identity")
                about = {asked["Identity"]: [INACTIVE], mine.target_identity: [ACTIVE]}
                everybody = [INACTIVE, ACTIVE] if read.is_inventory or read.covers else []
                found = about.get(str(named), everybody) if read.facet is Facet.MAILBOXES else []
                planner.cache.take_in(read, found)

        around = planner.facts_of(mine)

        assert around.sources and around.sources[0].exchange_guid == SOURCE, spelling
        assert around.targets and around.targets[0].exchange_guid == TARGET


def test_a_mailbox_that_two_reads_bring_is_one_mailbox() -> None:
    planner = QueryPlanner(wanted(201), online=True)
    inventory = next(read for read in next(iter(planner.rounds())) if read.is_inventory)
    by_item = one(Facet.MAILBOXES, "Get-Mailbox", (), {"Identity": SOURCE})

    for read in (inventory, by_item, by_item):
        planner.cache.take_in(read, [INACTIVE])

    found = planner.cache.named(Facet.MAILBOXES, SOURCE)
    assert found is not None
    assert len(found) == 1
