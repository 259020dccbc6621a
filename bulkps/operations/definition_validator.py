"""Checks an operation's definition: its columns, templates, cmdlets and parameters. Pure."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, fields
from typing import TypeGuard

from bulkps.exchange.cmdlet_metadata import CmdletFacts, cmdlet_facts, unknown_cmdlet
from bulkps.operations.added_and_removed import ENTRIES
from bulkps.operations.columns import NULL_TEXT
from bulkps.operations.item_queries import Current, Detail, Follow, Parameter, ReconcileQuery
from bulkps.operations.model import Operation, Step, templates
from bulkps.operations.parameter_types import COLLECTIONS, takes_several
from bulkps.operations.placeholders import Template
from bulkps.operations.release_support import questions, releases
from bulkps.operations.result_columns import ALL_RESULTS_COLUMNS, STAND_INS
from bulkps.preflight.row_intent import WantedRecovery, WantedRestore
from bulkps.yaml_config import nearest

#: What a template may name in addition to columns and earlier steps' outputs.
ITEM_PLACES = ("item.key", "item.name", "run.batch", "secret.password")
RUN_PLACES = ("run.batch",)

#: Names that have another meaning for ``bulkps operations``.
_RESERVED = ("new", "learn")
#: Names that no step may have: in places they have another meaning.
_NO_STEP = ("item", "run", "secret")

#: What a row wants, by the kind of pre-flight.
KINDS: Mapping[str, type[WantedRecovery | WantedRestore]] = {
    "recovery": WantedRecovery,
    "restore": WantedRestore,
}
_NAME = re.compile(r"[a-z][a-z0-9-]{0,59}")
Problems = Callable[[str, str], None]


def check_operation(operation: Operation, report: Problems) -> None:
    """Call *report* (key path, message) for everything in *operation* that cannot work."""
    _check_columns(operation, report)
    _check_steps(operation, report)
    _check_preflight(operation, report)


def _check_columns(operation: Operation, report: Problems) -> None:
    def known(path: str, names: tuple[str, ...]) -> None:
        for name in names:
            if name and name not in operation.columns:
                report(path, f"no column {name!r}{nearest(name, operation.columns)}")

    known("source", (operation.source,))
    known("target", (operation.target,))
    known("key", operation.key)
    known("exclusive", operation.exclusive)
    for index, group in enumerate(operation.unique):
        known(f"unique.{index}", group)
    for index, step in enumerate(operation.steps):
        known(f"steps.{index}.when", step.when)
        for number, variant in enumerate(step.variants):
            known(f"steps.{index}.variants.{number}.when", variant.when)
    if not _NAME.fullmatch(operation.name):
        # It becomes part of file names and request names, on Windows too.
        report(
            "name",
            f"{operation.name!r} is not allowed: use at most 60 lower-case letters, digits and dashes, a "
            "letter first",
        )
    if operation.name in _RESERVED:
        report("name", f"{operation.name!r} is reserved for the command bulkps operations {operation.name}")
    for path, names in (
        ("source", (operation.source,)),
        ("target", (operation.target,)),
        ("exclusive", operation.exclusive),
    ):
        for name in names:
            if name in operation.columns and operation.columns[name].many:
                report(path, f"{name} may hold several values, so it cannot identify one object")
    if not operation.key:
        report("key", "name at least one column that identifies an item")
    if not operation.steps and not operation.preflight:
        report("steps", "name at least one step")
    _check_aliases(operation, report)


def _check_aliases(operation: Operation, report: Problems) -> None:
    # Results call a row's source and target source_identity and target_identity; these are allowed, because a
    # results file can be input again.
    taken = {folded_header(name) for name in ALL_RESULTS_COLUMNS if name not in STAND_INS}
    owners: dict[str, str] = {}
    for name, column in operation.columns.items():
        for header in (name, *column.aliases):
            if folded_header(header) in taken:
                report(f"columns.{name}", f"{header!r} is the name of a result column")
            owner = owners.setdefault(folded_header(header), name)
            if owner != name:
                report(f"columns.{name}.aliases", f"{header!r} already means column {owner}")


def folded_header(header: str) -> str:
    """Return *header* in the form for comparing: lower case, without spaces, dashes, underscores."""
    return "".join(character for character in header.casefold() if character not in " \t\u00a0-_")


def _check_steps(operation: Operation, report: Problems) -> None:
    if operation.one_way is False and (found := [one for one in operation.steps if one.cannot_be_undone]):
        what = found[0].cannot_be_undone
        report("one_way", f"{what} cannot be undone, so a run must ask first: expected true or nothing")
    places = {*operation.columns, *ITEM_PLACES}
    seen: set[str] = set()
    for index, step in enumerate(operation.steps):
        path = f"steps.{index}"
        if step.name in seen or step.name in _NO_STEP:
            others = ", ".join(_NO_STEP)
            report(f"{path}.name", f"{step.name!r} is taken; a step's name must be unique and not {others}")
        for name in set(step.needs) - seen:
            report(f"{path}.needs", f"no earlier step {name!r}{nearest(name, seen)}")
        seen.add(step.name)
        _check_templates(operation, step, path, places, report)
        _check_cmdlet(step.cmdlet, step.parameters, path, report)
        for number, variant in enumerate(step.variants):
            _check_cmdlet(step.cmdlet, variant.parameters, f"{path}.variants.{number}", report)
        _check_proof(step, path, report)
        _check_recovers(operation, index, path, report)
        for number, lookup in enumerate(step.reconcile):
            _check_question(lookup, f"{path}.reconcile.{number}", report)
        if step.current:
            _check_current(step, step.current, f"{path}.current", report)
        if step.follow:
            _check_cmdlet(step.follow.cmdlet, step.follow.parameters, f"{path}.follow", report)
            _check_follow(step.follow, path, report)
        if step.follow and step.follow.detail:
            _check_question(step.follow.detail, f"{path}.follow.detail", report)
        places |= {f"{step.name}.{name}" for name in step.keep}
    if not releases(operation) and all(cmdlet_facts(step.cmdlet) for step in operation.steps):
        report("steps", "no release of Exchange has all of these cmdlets and parameters")


def _check_templates(operation: Operation, step: Step, path: str, places: set[str], report: Problems) -> None:
    try:
        found = list(templates(step))
    except ValueError as error:
        report(f"{path}.parameters", str(error))
        return
    for where, template in found:
        allowed = set(RUN_PLACES) if where.startswith("follow.parameters") else places
        if where.startswith("follow.detail"):
            # It is sent after the step, so it can use the step's own outputs.
            allowed = places | {f"{step.name}.{name}" for name in step.keep}
        for name in template.names:
            if name not in allowed:
                report(f"{path}.{where}", f"{{{name}}} has no value{nearest(name, allowed)}")
    _check_special(operation, step, path, report)


def _check_special(operation: Operation, step: Step, path: str, report: Problems) -> None:
    """Report places whose value, a list or a null, does not fit in a text or in the parameter."""
    columns = operation.columns
    for where, template in templates(step):
        for name in template.names:
            column = columns.get(name)
            if column and (column.many or column.clearable) and not template.alone:
                sentence = f"{{{name}}} is a list or may be {NULL_TEXT}: use it alone, without other text"
                report(f"{path}.{where}", sentence)
            elif column and column.many and "parameters" not in where:
                report(f"{path}.{where}", f"{{{name}}} is a list: nothing can be compared with it")
    bound = [(one.cmdlet, one.parameters) for one in (step, *questions(step))]
    bound += [(step.cmdlet, variant.parameters) for variant in step.variants]
    for cmdlet, parameters in bound:
        facts = cmdlet_facts(cmdlet)
        for parameter, value in parameters.items():
            for name in _held(value):
                if name in columns and columns[name].clearable:
                    sentence = f"{{{name}}} may be {NULL_TEXT}, which a list or hashtable cannot contain"
                    report(f"{path}.parameters.{parameter}", sentence)
            known = facts.parameter(parameter) if facts else None
            whole = Template.parse(value) if isinstance(value, str) else None
            column = columns.get(whole.names[0]) if whole and whole.alone else None
            if column is None or known is None:
                continue
            place, where = str(value), f"{path}.parameters.{parameter}"
            if column.many and not takes_several(known):
                report(where, f"{place} is a list, but {cmdlet} -{known.name} takes one {known.type}")
            if column.changes and known.type not in COLLECTIONS:
                report(where, f"{place} may be a hashtable, but {cmdlet} -{known.name} takes none")
            if column.clearable and known.mandatory_in:
                report(where, f"{place} may be {NULL_TEXT}, but {cmdlet} -{known.name} needs a value")


def _held(value: Parameter) -> Iterator[str]:
    """Yield the names of the places in a list or a hashtable."""
    for part in value.values() if isinstance(value, dict) else (value,):
        texts = part if isinstance(part, tuple) else (part,) if isinstance(value, dict) else ()
        for text in texts:
            if isinstance(text, str):
                yield from Template.parse(text).names


def _check_cmdlet(name: str, parameters: Mapping[str, object], path: str, report: Problems) -> None:
    facts = cmdlet_facts(name)
    if facts is None:
        report(f"{path}.cmdlet", unknown_cmdlet(name))
        return
    for parameter, value in parameters.items():
        where = f"{path}.parameters.{parameter}"
        if isinstance(value, dict):
            _check_hashtable(facts, parameter, value, where, report)
            continue
        known = facts.parameter(parameter)
        if isinstance(value, tuple) and known and not takes_several(known):
            report(where, f"{facts.name} -{known.name} takes one {known.type}, not a list")
            continue
        for one in value if isinstance(value, tuple) else (value,):
            _check_parameter(facts, parameter, one, where, report)


def _check_hashtable(
    facts: CmdletFacts, name: str, value: Mapping[str, object], path: str, report: Problems
) -> None:
    known = facts.parameter(name)
    if known is not None and known.type not in COLLECTIONS:
        report(path, f"{facts.name} -{known.name} is a {known.type} and does not take a hashtable")
        return
    for entry, parts in value.items():
        if entry not in ENTRIES:
            allowed = ", ".join(ENTRIES)
            report(path, f"no entry {entry!r}{nearest(entry, ENTRIES)}; allowed: {allowed}")
        for part in parts if isinstance(parts, tuple) else (parts,):
            _check_parameter(facts, name, part, f"{path}.{entry}", report)
    if not value:
        report(path, "an empty hashtable changes nothing")


def _check_parameter(facts: CmdletFacts, name: str, value: object, path: str, report: Problems) -> None:
    known = facts.parameter(name)
    secret = isinstance(value, str) and "{secret." in value
    if known is not None and (known.type == "SecureString") != secret:
        sentence = "takes only a secret" if not secret else f"is a {known.type}: it would show the secret"
        report(path, f"{facts.name} -{known.name} {sentence}")
    if known is None:
        report(path, f"{facts.name} has no parameter {name!r}{nearest(name, facts.parameters)}")
    elif value == NULL_TEXT and known.mandatory_in:
        report(path, f"{facts.name} -{known.name} must have a value, not {NULL_TEXT}")
    elif known.values and _is_constant(value) and not _allowed(value, known.values):
        report(
            path,
            f"{value!r} is not allowed{nearest(value, known.values)}; allowed: {', '.join(known.values)}",
        )


def _check_question(question: ReconcileQuery | Detail, path: str, report: Problems) -> None:
    _check_cmdlet(question.cmdlet, question.parameters, path, report)
    facts = cmdlet_facts(question.cmdlet)
    if facts and facts.mutates:
        report(f"{path}.cmdlet", f"{question.cmdlet} changes something; use a cmdlet that only reads")
    if not any(isinstance(value, str) and "{" in value for value in question.parameters.values()):
        report(f"{path}.parameters", "at least one must name the item; otherwise every object is read")
    if isinstance(question, ReconcileQuery) and not question.match:
        report(f"{path}.match", "name a property that identifies the object; '*' allows any value")


def _check_current(step: Step, current: Current, path: str, report: Problems) -> None:
    facts = cmdlet_facts(current.cmdlet)
    if facts is None:
        report(f"{path}.cmdlet", unknown_cmdlet(current.cmdlet))
    elif facts.mutates or "Identity" not in facts.parameters:
        report(
            f"{path}.cmdlet", f"{facts.name} has to be a cmdlet that only reads, with the parameter Identity"
        )
    for name in current.properties:
        if name not in step.every_parameter:
            report(
                f"{path}.properties",
                f"the step has no parameter {name!r}{nearest(name, step.every_parameter)}",
            )


def _is_constant(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and value != NULL_TEXT and "{" not in value


def _allowed(value: str, values: tuple[str, ...]) -> bool:
    return value.casefold() in (one.lstrip("$").casefold() for one in values)


def _check_proof(step: Step, path: str, report: Problems) -> None:
    facts = cmdlet_facts(step.cmdlet)
    if step.polled and facts and facts.mutates:
        report(f"{path}.polled", f"{step.cmdlet} changes something; only a cmdlet that reads may be repeated")
    if step.polled and not step.returns:
        report(f"{path}.returns", "name a property that ends the polling")
    if facts and facts.mutates and not step.returns and step.cmdlet.casefold().startswith("new-"):
        report(
            f"{path}.returns",
            f"{step.cmdlet} returns the new object; name a property that proves it; '*' allows any value",
        )


def _check_recovers(operation: Operation, index: int, path: str, report: Problems) -> None:
    step = operation.steps[index]
    if step.recovers is None:
        return
    earlier = {one.name: one for one in operation.steps[:index] if one.follow and one.reconcile}
    found = earlier.get(step.recovers.step)
    if found is None:
        sentence = f"no earlier step {step.recovers.step!r} with follow and reconcile"
        report(f"{path}.recovers.step", sentence + nearest(step.recovers.step, earlier))
    elif step.recovers.then == "anew" and "{item.name}" not in (found.follow.ref if found.follow else ""):
        report(
            f"{path}.recovers.then",
            f"the ref of {found.name} needs {{item.name}}: a request that is created again has a new name",
        )
    if not step.idempotent:
        report(f"{path}.idempotent", "it may be sent twice: use a cmdlet that is harmless when repeated")
    for name in ("when", "needs", "unless", "follow", "reconcile", "returns", "polled"):
        if getattr(step, name):
            report(f"{path}.{name}", "not allowed in a step that recovers another")


def _check_follow(follow: Follow, path: str, report: Problems) -> None:
    groups = (*follow.running, *follow.waiting, *follow.completed, *follow.warned, *follow.failed)
    for value in dict.fromkeys(groups):
        if groups.count(value) > 1:
            report(f"{path}.follow", f"the status {value!r} is in two lists")


def _check_preflight(operation: Operation, report: Problems) -> None:
    if operation.preflight is None:
        return
    wanted: type[WantedRecovery | WantedRestore] = KINDS[operation.preflight.kind]
    known = {field.name: field for field in fields(wanted)}
    for name, text in operation.preflight.wants.items():
        path = f"preflight.wants.{name}"
        if name not in known:
            report(path, f"a {operation.preflight.kind} has no {name!r}{nearest(name, known)}")
        try:
            places = Template.parse(text).names
        except ValueError as error:
            report(path, str(error))
            continue
        for place in set(places) - {*operation.columns, "item.key"}:
            report(path, f"{{{place}}} has no value{nearest(place, operation.columns)}")
    for name, field in known.items():
        if field.default is MISSING and name not in operation.preflight.wants:
            report("preflight.wants", f"{name} is missing")
