"""Which cmdlets and parameters an operation sends, and which Exchange releases have them. Pure."""

from collections.abc import Collection, Iterator

from bulkps.exchange.cmdlet_metadata import cmdlet_facts
from bulkps.operations.item_queries import Detail, ReconcileQuery
from bulkps.operations.model import Operation, Step, templates
from bulkps.operations.placeholders import Template

#: Every release that bulkps can connect to; ``EXO`` is Exchange Online.
RELEASES = ("2010", "2013", "2016", "2019", "SE", "EXO")


def uses(operation: Operation) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield every cmdlet that *operation* may send, with the parameters that it may use."""
    for step in operation.steps:
        yield step.cmdlet, step.every_parameter
        for question in questions(step):
            yield question.cmdlet, tuple(question.parameters)
        if step.current:
            yield step.current.cmdlet, ("Identity",)
        if step.follow:
            yield step.follow.cmdlet, tuple(step.follow.parameters)


def questions(step: Step) -> tuple[ReconcileQuery | Detail, ...]:
    """Return the queries about single items that *step* may need."""
    detail = step.follow.detail if step.follow else None
    return (*step.reconcile, *((detail,) if detail else ()))


def expected(operation: Operation) -> dict[str, tuple[str, ...]]:
    """Return every cmdlet, with its parameters, that a row without rare columns sends."""
    common = [name for name, column in operation.columns.items() if not column.rare]
    found: dict[str, tuple[str, ...]] = {}
    for cmdlet, name, _ in _sent(operation, common):
        found[cmdlet] = tuple(dict.fromkeys((*found.get(cmdlet, ()), *([name] if name else []))))
    return found


def releases(operation: Operation, given: Collection[str] = ()) -> tuple[str, ...]:
    """Return the Exchange releases that support everything that a row sends.

    Args:
        operation: The operation.
        given: Columns that the row fills in addition to the required ones.
    """
    found = set(RELEASES)
    for _, _, there in _sent(operation, given):
        found &= there
    return tuple(release for release in RELEASES if release in found)


def lacking(operation: Operation, given: Collection[str], allowed: Collection[str]) -> tuple[str, ...]:
    """Return what such a row sends that no *allowed* release supports, as ``Cmdlet -Parameter``."""
    return tuple(
        f"{cmdlet} -{name}" if name else cmdlet
        for cmdlet, name, there in _sent(operation, given)
        if not there & set(allowed)
    )


def without_effect(operation: Operation, given: Collection[str]) -> tuple[str, ...]:
    """Return the *given* columns that have no effect together with the others."""
    filled = dict.fromkeys((*operation.required_columns(), *operation.defaults, *given), "given")
    ever: set[str] = set()
    used: set[str] = set()
    possible: set[str] = set()
    for step in operation.steps:
        if step.recovers:
            continue
        ever.update(step.when)
        if not set(step.needs) <= possible or (step.when and not any(name in filled for name in step.when)):
            # Columns that are only used by a step that such a row does not run have no effect.
            ever.update(name for _, template in templates(step) for name in template.names)
            continue
        possible.add(step.name)
        for where, template in templates(step):
            ever.update(template.names)
            used.update(template.names if not where.startswith("variants") else ())
        chosen = next((one for one in step.variants if all(name in filled for name in one.when)), None)
        for value in chosen.parameters.values() if chosen else ():
            used.update(Template.parse(value).names if isinstance(value, str) else ())
        used.update(step.when, *(one.when for one in step.variants))
    return tuple(name for name in given if name in ever and name not in used)


def _sent(operation: Operation, given: Collection[str]) -> Iterator[tuple[str, str, set[str]]]:
    """Yield (cmdlet, parameter or nothing, the releases that have it) for what such a row sends."""
    filled = dict.fromkeys((*operation.required_columns(), *operation.defaults, *given), "given")
    left_out: set[str] = set()
    for step in operation.steps:
        if step.recovers:
            continue
        if (step.when and not any(name in filled for name in step.when)) or left_out & set(step.needs):
            left_out.add(step.name)
            continue
        names = [name for name, value in step.declared(filled).items() if _is_bound(value, operation, filled)]
        yield from _available(step.cmdlet, names)
        for question in questions(step):
            yield from _available(question.cmdlet, list(question.parameters))
        if step.follow:
            yield from _available(step.follow.cmdlet, list(step.follow.parameters))


def _is_bound(value: object, operation: Operation, filled: Collection[str]) -> bool:
    """Return whether a parameter is sent: not if it uses an empty column."""
    if isinstance(value, dict):
        return any(_is_bound(part, operation, filled) for part in value.values())
    if isinstance(value, tuple):
        return any(_is_bound(part, operation, filled) for part in value)
    try:
        names = Template.parse(value).names if isinstance(value, str) else ()
    except ValueError:
        return True  # The definition's check reports it.
    return all(name in filled or name not in operation.columns for name in names)


def _available(cmdlet: str, parameters: list[str]) -> Iterator[tuple[str, str, set[str]]]:
    facts = cmdlet_facts(cmdlet)
    yield cmdlet, "", set(facts.availability) if facts else set()
    for name in parameters:
        known = facts.parameter(name) if facts else None
        yield cmdlet, name, set(known.availability) if known else set()
