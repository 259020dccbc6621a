"""What a run would send, bound as a run binds it; nothing is sent."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from bulkps.engine.item import ALREADY_SO, Item
from bulkps.engine.item_status import BulkItemStatus
from bulkps.exchange.calls_and_outcomes import Answer, Cmdlet
from bulkps.intake import CheckReport, InputRow
from bulkps.operations.current_state import Compared
from bulkps.operations.model import Operation
from bulkps.operations.parameter_binding import bind, places
from bulkps.preflight.onmicrosoft_fallback import fallen_back, wanted_by
from bulkps.preflight.preflight_facts import Organization
from bulkps.preflight.query_executor import QueryExecutor, Sessions, reason
from bulkps.preflight.query_planner import QueryPlanner, Wanted
from bulkps.preflight.row_comparison import RowComparison, evidence, is_already_so
from bulkps.run_target import Target
from bulkps.runs.run_creation import batch_name, items_of
from bulkps.runs.run_phases import cmdlets_of
from bulkps.runs.run_service import RunService
from bulkps.sessions.connection import ConnectionType
from bulkps.sessions.session_factory import endpoint

#: Placeholders for names that only a run has.
_RUN, _KEY = "<run>", "<key>"


@dataclass(frozen=True)
class PlannedRow:
    """What would happen to a row.

    Attributes:
        item: The row; SKIPPED where nothing is sent for it.
        cmdlets: What is sent, in order.
        why: Why a value of the row was replaced, or empty.
        compared: What it sets, as it is and as it would be; empty if that was not read.
    """

    item: Item
    cmdlets: tuple[Cmdlet, ...] = ()
    why: str = ""
    compared: tuple[Compared, ...] = ()


@dataclass
class Preview:
    """What a run would send.

    Attributes:
        operation: The operation.
        target: Where it would be sent.
        again: Whether rows that another run completed would be done again.
        compares: Whether what is there is read, and compared with what the rows ask for.
        unread: Why something that decides about names could not be read, for people.
    """

    operation: Operation
    target: Target
    again: bool = False
    compares: bool = False
    unread: list[str] = field(default_factory=list)

    @property
    def reads(self) -> bool:
        """Whether Exchange is read, because a name depends on its answer."""
        config = self.target.config
        return self.operation.preflight is not None and config.preflight and config.onmicrosoft_fallback

    def rows(
        self, service: RunService, report: CheckReport, rows: Iterable[InputRow]
    ) -> Iterator[PlannedRow]:
        """Yield what would happen to each row; results of earlier steps are shown as placeholders.

        Args:
            service: Knows what other runs did.
            report: The file, checked.
            rows: Its rows.

        Raises:
            UsageProblem: If a row fills a column that the target, or another column, rules out.
            InvalidInput: If *rows* meets a problem.
            ContentElsewhere: If another run has the content of a row and has not finished it.
            CannotConnect: If Exchange has to be read and no session can be opened.
        """
        # A dry run creates no journal.
        journal = service.journal if service.path.exists() else None
        items: Iterable[Item] = items_of(journal, self.operation, report, rows, self.target, again=self.again)
        organization = None
        if self.reads:
            items = list(items)
            organization = self._organization(items)
        compared: Mapping[str, tuple[Compared, ...]] = {}
        if self.compares:
            items = list(items)
            compared = self._compared(items)
        for item in items:
            planned, found = self._planned(item, organization), compared.get(item.key, ())
            if planned.cmdlets and is_already_so(found):
                planned = PlannedRow(item.skipped(0.0, ALREADY_SO, evidence(found), ""))
            yield replace(planned, compared=found)

    def _planned(self, item: Item, organization: Organization | None) -> PlannedRow:
        if item.status is BulkItemStatus.SKIPPED:
            return PlannedRow(item)
        why, preflight = "", self.operation.preflight
        if organization is not None and preflight is not None:
            found = fallen_back(wanted_by(self.operation, preflight, item), organization, preflight)
            if found:
                item, why = replace(item, values={**item.values, **found.values}), found.why
        return PlannedRow(item, tuple(self._cmdlets(item)), why)

    def _cmdlets(self, item: Item) -> Iterator[Cmdlet]:
        # The key of a repeated row contains the run's name, and there is no run yet.
        key = _KEY if self.again else item.key
        outputs: dict[str, dict[str, str]] = {}
        index: int | None = item.step
        while index is not None:
            step = self.operation.steps[index]
            yield bind(step, places(self.operation, item.values, key, batch_name(_RUN), outputs))
            outputs[step.name] = {name: f"<{step.name}.{name}>" for name in step.keep}
            filled = places(self.operation, item.values, key, batch_name(_RUN), outputs)
            index = self.operation.next_step(index, filled, outputs)

    def _compared(self, items: Sequence[Item]) -> Mapping[str, tuple[Compared, ...]]:
        target = self.target
        cmdlets = cmdlets_of(self.operation)
        with endpoint(target.connection, target.credentials, target.config.item_timeout, cmdlets) as there:
            reader = QueryExecutor(target.name, Sessions(there.connect), target.config, target.catalogue)
            comparison = RowComparison(self.operation, reader)
            try:
                return comparison.compared(items)
            finally:
                reader.close()
                self.unread += [f"{cmdlet}: {why}" for cmdlet, why in comparison.unread.items()]

    def _organization(self, items: Sequence[Item]) -> Organization:
        """Read what decides about names: the organization and its domains, and nothing else."""
        preflight = self.operation.preflight
        wanted: list[Wanted] = (
            [wanted_by(self.operation, preflight, item) for item in items] if preflight else []
        )
        target = self.target
        online = target.connection.type is not ConnectionType.EXCHANGE
        planner = QueryPlanner(wanted, online=online, sizes=False)
        reads = list(planner.organization())
        cmdlets = [read.cmdlet.name for read in reads]
        with endpoint(target.connection, target.credentials, target.config.item_timeout, cmdlets) as there:
            reader = QueryExecutor(target.name, Sessions(there.connect), target.config, target.catalogue)
            try:
                for read, outcome, meaning in reader.read(reads):
                    if outcome.answer is Answer.COMPLETED and meaning is None:
                        planner.cache.take_in(read, outcome.output)
                    else:
                        why = reason(outcome, meaning)
                        planner.cache.fail(read, why)
                        self.unread.append(f"{read.cmdlet.name}: {why}")
            finally:
                reader.close()
        return planner.cache.organization
