"""The operation that a cmdlet's name stands for: its parameters are the columns. Pure."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from bulkps.exchange.cmdlet_metadata import CmdletFacts, ParameterFacts
from bulkps.operations.columns import Column
from bulkps.operations.current_state import paired
from bulkps.operations.item_queries import Current, Parameter
from bulkps.operations.model import Operation, Step, Variant
from bulkps.operations.parameter_choice import chosen_parameters
from bulkps.operations.parameter_types import (
    COLLECTIONS,
    allowed_values,
    can_be_cleared,
    cell_type,
    example,
    takes_several,
    why_not_in_a_file,
)
from bulkps.operations.result_columns import ALL_RESULTS_COLUMNS

#: The name of the only step.
STEP = "cmdlet"
#: Types of an Identity that a mailbox of the simulator's tenant fits.
_MAILBOXES = frozenset(
    {"MailboxIdParameter", "RecipientIdParameter", "GeneralRecipientIdParameter", "UserIdParameter"}
)
#: Verbs of cmdlets that write the same again if they are sent twice.
_HARMLESS = ("Set-",)
#: Verbs of cmdlets that set or make an object as a whole.
_ONCE = ("Set", "Enable", "Disable", "New")


def column_name(parameter: str) -> str:
    """Return the column of *parameter*: its own name, unless the results have a column of that name."""
    return f"{parameter}Value" if parameter.casefold() in ALL_RESULTS_COLUMNS else parameter


def cmdlet_operation(facts: CmdletFacts) -> Operation:
    """Return the operation that sends the cmdlet of *facts* once for each row.

    Raises:
        ValueError: If it has no parameter that a row could fill, or needs one that no row can fill.
    """
    filled = {name: one for name, one in facts.parameters.items() if not why_not_in_a_file(one)}
    if not filled:
        raise ValueError(f"{facts.name} has no parameter that a row could fill")
    if not any(_can_be_filled(facts, name) for name in facts.sets):
        closed = (one for one in facts.parameters.values() if one.mandatory_in and why_not_in_a_file(one))
        named = ", ".join(f"-{one.name} ({why_not_in_a_file(one)})" for one in closed)
        raise ValueError(f"no row can fill what {facts.name} needs: {named}")
    required = [name for name, one in filled.items() if _is_required(facts, one)]
    source = next((name for name in ("Identity", *required) if name in filled), next(iter(filled)))
    usual = {one.name for parts in chosen_parameters(facts) for one in parts} or {source}
    columns = {
        column_name(name): _column(facts, one, name == source, name in required, name in usual)
        for name, one in filled.items()
    }
    needed = tuple(map(column_name, required))
    return Operation(
        name=facts.name.casefold(),
        summary=f"Send {facts.name} once per row; the columns are its parameters.",
        columns=columns,
        source=column_name(source),
        key=tuple(columns),
        unique=(needed,) if needed and _names_one_object(facts, source) else (),
        exclusive=(column_name(source),),
        steps=(_step(facts, filled),),
        direct=True,
    )


def used(operation: Operation, columns: Collection[str]) -> Operation:
    """Return a direct *operation* with only these *columns* and the required ones; any other as it is.

    What a row cannot fill is neither sent nor kept: a cmdlet may have two hundred parameters.
    """
    if not operation.direct:
        return operation
    kept = {
        name: column
        for name, column in operation.columns.items()
        if name in columns or column.required or name == operation.source
    }
    step = operation.steps[0]
    dropped = {f"{{{name}}}" for name in operation.columns.keys() - kept}
    variants = tuple(one for one in step.variants if set(one.when) <= kept.keys())
    parameters = {name: value for name, value in step.parameters.items() if value not in dropped}
    return replace(
        operation,
        columns=kept,
        key=tuple(name for name in operation.key if name in kept),
        unique=tuple(group for group in operation.unique if set(group) <= kept.keys()),
        steps=(replace(step, parameters=parameters, variants=variants),),
        # A parameter that cannot be undone only counts if it can be sent.
        one_way=None,
    )


def _names_one_object(facts: CmdletFacts, source: str) -> bool:
    """Return whether two rows about the same object contradict each other."""
    return source in ("Identity", "Name") and facts.name.partition("-")[0] in _ONCE


def _is_required(facts: CmdletFacts, parameter: ParameterFacts) -> bool:
    possible = [name for name in facts.sets if _can_be_filled(facts, name)]
    if parameter.name == "Identity" and facts.empty_identity_returns_all:
        # Without one, every object would be returned (exchange-facts.md section 1.3).
        return not parameter.sets or set(possible) <= set(parameter.sets)
    return bool(possible) and set(possible) <= set(parameter.mandatory_in)


def _can_be_filled(facts: CmdletFacts, name: str) -> bool:
    """Return whether a row can fill all mandatory parameters of the set *name*; a password is generated."""
    mandatory = [one for one in facts.parameters.values() if name in one.mandatory_in]
    return all(one.type == "SecureString" or not why_not_in_a_file(one) for one in mandatory)


def _column(
    facts: CmdletFacts, parameter: ParameterFacts, is_source: bool, required: bool, usual: bool
) -> Column:
    # The source identifies one object, even if the parameter takes several.
    many = takes_several(parameter) and not is_source
    return Column(
        help=f"{facts.name} -{parameter.name} ({parameter.type}).",
        type=(cell_type(parameter),),
        required=required,
        # A results file of a run whose requests Exchange works on is input for the cmdlets about requests.
        aliases=(*parameter.aliases, *(("request",) if is_source and facts.name.endswith("Request") else ())),
        values=allowed_values(parameter),
        example=example(parameter),
        sample="active.PrimarySmtpAddress" if is_source and parameter.type in _MAILBOXES else "",
        many=many,
        changes=many and parameter.type in COLLECTIONS and facts.name.startswith("Set-"),
        clearable=not required and can_be_cleared(facts, parameter),
        rare=not (required or usual),
    )


def _step(facts: CmdletFacts, filled: Mapping[str, ParameterFacts]) -> Step:
    parameters: dict[str, Parameter] = {name: f"{{{column_name(name)}}}" for name in filled}
    if facts.asks and "Confirm" in facts.parameters:
        parameters["Confirm"] = False
    reads = not facts.mutates
    return Step(
        name=STEP,
        cmdlet=facts.name,
        parameters=parameters,
        variants=_password_variants(facts),
        returns={"Identity": "*"} if facts.mutates and facts.name.startswith("New-") else {},
        idempotent=reads or facts.name.startswith(_HARMLESS),
        current=Current(reading.name, "{Identity}") if (reading := paired(facts)) else None,
    )


def _password_variants(facts: CmdletFacts) -> tuple[Variant, ...]:
    """Return the variants that add a generated password where a parameter set needs one."""
    needs: list[tuple[Sequence[str], dict[str, Parameter]]] = []
    for name in facts.sets:
        mandatory = [one for one in facts.parameters.values() if name in one.mandatory_in]
        secrets = [one.name for one in mandatory if one.type == "SecureString"]
        others = [column_name(one.name) for one in mandatory if not why_not_in_a_file(one)]
        needs.append((others, dict.fromkeys(secrets, "{secret.password}")))
    if not any(secrets for _, secrets in needs):
        return ()
    # The set that names most of what is given is the one that is meant.
    needs.sort(key=lambda one: -len(one[0]))
    return tuple(Variant(parameters=secrets, when=tuple(others)) for others, secrets in needs)
