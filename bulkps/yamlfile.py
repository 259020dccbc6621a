"""YAML text to checked dataclasses; the one owner of yaml and pydantic.

Pure: it is handed text and a name for it. All problems of a text are reported together, each with
its line, its key path, what was found, what was expected, and the nearest known name.
"""

import copy
import dataclasses
import datetime
import types
import typing
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from functools import cache
from typing import Any, TypeVar, cast

import yaml
from pydantic import TypeAdapter, ValidationError

from bulkps.errors import FieldProblems, InvalidInput

T = TypeVar("T")
Path = tuple[str | int, ...]

#: libyaml's where PyYAML was built with it: the shipped catalogue loads ten times faster.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
#: pydantic's error types in the words that a person uses.
_EXPECTED = {
    "int_parsing": "a whole number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_parsing": "a number",
    "float_type": "a number",
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "string_type": "text",
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "a mapping (name: value)",
    "mapping_type": "a mapping (name: value)",
    "dataclass_type": "a mapping (name: value)",
    "none_required": "nothing",
}
#: What YAML makes of text without quotes, and what a person calls it.
_SCALARS = (bool, int, float, datetime.date)
_READ = {
    "bool": "true or false",
    "int": "a number",
    "float": "a number",
    "date": "a date",
    "datetime": "a date",
}
_UNKNOWN = ("unexpected_keyword_argument", "extra_forbidden")
#: Problems of a whole mapping: there is no one value to leave out.
_WHOLE = ("missing", "missing_argument", "value_error")


def nearest(name: str, known: Iterable[str]) -> str:
    """Return ``; did you mean X?`` for the nearest of *known*, or an empty string."""
    by_folded = {candidate.casefold(): candidate for candidate in known}
    found = get_close_matches(name.casefold(), by_folded, n=1, cutoff=0.6)
    return f"; did you mean {by_folded[found[0]]}?" if found else ""


def load(text: str, source: str, model: type[T]) -> T:
    """Return the checked *model* that *text* describes.

    Args:
        text: A YAML document; an empty one is an empty mapping.
        source: What to call it in errors, such as the file's path.
        model: A frozen dataclass; nested dataclasses are checked too.

    Raises:
        InvalidInput: With every problem of the text.
    """
    return build(*parse(text, source), source, model)


def parse(text: str, source: str) -> tuple[dict[str, Any], dict[Path, int]]:
    """Return the mapping that *text* holds, and the line (from 1) of each key path.

    Raises:
        InvalidInput: If it is not YAML, not a mapping, or says a key twice.
    """
    loader = _LOADER(text)
    try:
        node = loader.get_single_node()
        data = None if node is None else loader.construct_document(node)
    except yaml.YAMLError as error:
        raise InvalidInput(source, [_syntax(error)]) from error
    finally:
        loader.dispose()
    if node is None:
        return {}, {}
    lines: dict[Path, int] = {}
    twice: list[str] = []
    _walk(node, (), lines, twice)
    if twice:
        raise InvalidInput(source, twice)
    if not isinstance(data, dict):
        raise InvalidInput(source, [f"expected a mapping (name: value), found {data!r}"])
    return data, lines


def build(data: Mapping[str, Any], lines: Mapping[Path, int], source: str, model: type[T]) -> T:
    """Return *model* built from already parsed *data*.

    Raises:
        InvalidInput: With every problem.
    """
    built, problems = attempt(data, lines, model)
    if built is None or problems:
        raise InvalidInput(source, problems)
    return built


def attempt(data: Mapping[str, Any], lines: Mapping[Path, int], model: type[T]) -> tuple[T | None, list[str]]:
    """Return *model* as far as it can be built, and every problem.

    A wrong value is reported and left out, so that what is wrong beside it is found in the same go.
    """
    adapter: TypeAdapter[T] = _adapter(cast(Any, model))
    problems: list[str] = []
    rest = copy.deepcopy(dict(data))
    while True:
        try:
            return adapter.validate_python(rest), problems
        except ValidationError as error:
            found = error.errors(include_url=False)
            problems += [s for p in found for s in _sentences(p, lines, model) if s not in problems]
            wrong = [problem for problem in found if problem["type"] not in _WHOLE]
            pruned = [_mended(rest, problem) for problem in wrong]
            if not any(pruned):
                return None, problems


@cache
def _adapter(model: Any) -> TypeAdapter[Any]:
    # Building one takes pydantic 10 to 30 ms, and a command reads several texts of one kind.
    return TypeAdapter(model)


def _mended(data: Any, problem: Any) -> bool:
    """Take one wrong value out, so that what is wrong beside it is found; return whether it was there.

    A number where text belongs is what it says, only without its quotes: to leave it out would make a
    problem of what needs it.
    """
    loc, unquoted = problem["loc"], _is_unquoted(problem)
    for part in loc[:-1]:
        try:
            data = data[part]
        except (KeyError, IndexError, TypeError):
            # pydantic names branches of a union, which are no part of the data.
            return False
    if not isinstance(data, dict) or loc[-1] not in data:
        return False
    if unquoted:
        data[loc[-1]] = str(data[loc[-1]])
    else:
        del data[loc[-1]]
    return True


def _is_unquoted(problem: Any) -> bool:
    """Return whether YAML read a number, a date or a truth value where text was wanted."""
    return problem["type"] == "string_type" and isinstance(problem["input"], _SCALARS)


def _sentences(problem: Any, lines: Mapping[Path, int], model: type) -> list[str]:
    error = problem.get("ctx", {}).get("error")
    if not isinstance(error, FieldProblems):
        return [_sentence(problem, lines, model)]
    path: Path = problem["loc"]
    sentences = []
    for name, sentence in error.problems:
        here = (*path, name)
        line = lines.get(here) or lines.get(path)
        sentences.append(f"{f'line {line}: ' if line else ''}{_dotted(here)}: {sentence}")
    return sentences


def dump(data: Mapping[str, Any]) -> str:
    """Return *data* as YAML text in the order that it has."""
    return yaml.dump(dict(data), Dumper=_DUMPER, sort_keys=False, allow_unicode=True, width=100)


def _syntax(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
    return f"{where}not valid YAML: {getattr(error, 'problem', None) or error}"


def _walk(node: yaml.Node, path: Path, lines: dict[Path, int], twice: list[str]) -> None:
    lines[path] = node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            name = str(key.value)
            if name in seen:
                twice.append(f"line {key.start_mark.line + 1}: {_dotted((*path, name))}: is given twice")
            seen.add(name)
            _walk(value, (*path, name), lines, twice)
            lines[(*path, name)] = key.start_mark.line + 1
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            _walk(value, (*path, index), lines, twice)


def _dotted(path: Path) -> str:
    return ".".join(str(part) for part in path)


def _sentence(problem: Any, lines: Mapping[Path, int], model: type) -> str:
    path: Path = tuple(part for part in problem["loc"] if (part != "[key]"))
    known = path
    while known and known not in lines:
        # Union branches and key markers of pydantic are no part of what the user wrote.
        known = known[:-1]
    where = f"line {lines[known]}: " if known and known in lines else ""
    name = _dotted(known if problem["type"] not in ("missing", *_UNKNOWN) else path)
    lead = f"{where}{name}: " if name else where
    if problem["type"] in _UNKNOWN:
        return f"{lead}unknown setting{nearest(str(path[-1]), _fields(model, path[:-1]))}"
    if problem["type"] in ("missing", "missing_argument"):
        return f"{lead}is required"
    if problem["type"] == "value_error":
        return lead + str(problem["ctx"]["error"])
    found = problem["input"]
    if problem["type"] in ("enum", "literal_error"):
        return f"{lead}expected {problem['ctx']['expected']}, found {found!r}"
    expected = _EXPECTED.get(problem["type"])
    if _is_unquoted(problem):
        kind = type(found).__name__
        return f"{lead}expected text, and YAML reads {_READ.get(kind, kind)}: put quotes around it"
    if expected:
        return f"{lead}expected {expected}, found {found!r}"
    return f"{lead}{problem['msg']}, found {found!r}"


def _fields(model: object, path: Path) -> list[str]:
    """Return the field names of the dataclass that *path* leads to in *model*."""
    for part in path:
        model = _step_into(model, part)
    found = _dataclass_in(model)
    return [field.name for field in dataclasses.fields(found)] if found else []


def _step_into(model: object, part: str | int) -> object:
    found = _dataclass_in(model)
    if found and isinstance(part, str):
        return typing.get_type_hints(found).get(part)
    arguments = typing.get_args(model)
    return arguments[-1] if arguments[-1:] != (Ellipsis,) else arguments[0]


def _dataclass_in(model: object) -> Any:
    if isinstance(model, type) and dataclasses.is_dataclass(model):
        return model
    if typing.get_origin(model) in (typing.Union, types.UnionType):
        return next((found for part in typing.get_args(model) if (found := _dataclass_in(part))), None)
    return None
