"""Turns YAML text into checked dataclasses; the only module that uses yaml and pydantic.

Pure: it gets text and a name for it. All problems of a text are reported together, each with its line, its
key path, what was found, what was expected, and the nearest known name.

It accepts mappings, lists, text, numbers, true, false and null. It accepts no aliases, which can turn ten
lines into gigabytes, no tags, and no numbers that are too large for a setting. Dates are text.
"""

import copy
import dataclasses
import datetime
import math
import types
import typing
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from functools import cache
from typing import Any, ClassVar, TypeVar, cast

import yaml
from pydantic import TypeAdapter, ValidationError

from bulkps.errors import FieldProblems, InvalidInput

T = TypeVar("T")
Path = tuple[str | int, ...]

#: The most characters of a text; the longest one in the package has 40,000.
LONGEST = 1 << 20
#: How deep mappings and lists may be nested; an operation has eight levels.
_DEEPEST = 32
#: The most characters of a key, and of a value that a sentence shows.
_LONGEST_KEY, _SHOWN = 200, 80
_LONGEST_SENTENCE = 2000
#: How many problems of one text are reported.
_TOLD = 100
#: No setting takes a number that a database cannot keep; Python itself cannot read 5,000 digits.
_LARGEST, _DIGITS = 1 << 63, 100
#: libyaml's loader, if PyYAML was built with it: the shipped catalogue loads ten times faster.
_BASE: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_DUMPERS: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
_NUMBERS = yaml.constructor.SafeConstructor()
_TAG = "tag:yaml.org,2002:"
_TAGS = {_TAG + name for name in ("map", "seq", "str", "int", "float", "bool", "null")}


class _Loader(_BASE):  # type: ignore[misc]
    """Reads dates, merge keys and default values as text."""

    yaml_implicit_resolvers: ClassVar[dict[str, list[tuple[str, Any]]]] = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag in _TAGS]
        for first, resolvers in _BASE.yaml_implicit_resolvers.items()
    }


class _Dumper(_DUMPERS):  # type: ignore[misc]
    """Writes no aliases, which bulkps could not read back."""

    def ignore_aliases(self, data: object) -> bool:
        """Return that *data* is written out wherever it occurs."""
        return True


#: pydantic's error types in plain words.
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
#: What helps if digits are not a number, such as a thumbprint.
_QUOTES = "; put quotes around it if it is text"
#: The types that YAML may read unquoted text as, and their names in plain words.
_SCALARS = (bool, int, float, datetime.date)
_READ = {
    "bool": "true or false",
    "int": "a number",
    "float": "a number",
    "date": "a date",
    "datetime": "a date",
}
_UNKNOWN = ("unexpected_keyword_argument", "extra_forbidden")
#: Problems of a whole mapping: there is no single value to leave out.
_WHOLE = ("missing", "missing_argument", "value_error")


def nearest(name: str, known: Iterable[str]) -> str:
    """Return ``; did you mean X?`` for the nearest of *known*, or an empty string."""
    if len(name) > _LONGEST_KEY:
        # Comparing long texts takes quadratic time, and a long text is hardly a misspelt name.
        return ""
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
        InvalidInput: If it is not YAML, not a mapping, has a key twice, or has anything that no setting has.
    """
    if len(text) > LONGEST:
        raise InvalidInput(source, [too_long(f"{len(text):,} characters")])
    loader = None
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        if node is None:
            return {}, {}
        walk = _Walk()
        walk.look_at(node, ())
        if walk.problems:
            raise InvalidInput(source, _first(walk.problems))
        data = loader.construct_document(node)
    except yaml.YAMLError as error:
        raise InvalidInput(source, [_syntax(error)]) from error
    except UnicodeError as error:
        raise InvalidInput(source, [f"not valid YAML: {error}"]) from error
    except RecursionError as error:
        raise InvalidInput(source, [_TOO_DEEP]) from error
    finally:
        if loader is not None:
            loader.dispose()
    if not isinstance(data, dict):
        raise InvalidInput(source, [f"expected a mapping (name: value), found {_shown(data)}"])
    return data, walk.lines


def too_long(found: str) -> str:
    """Return the sentence about a text that is longer than LONGEST."""
    return f"expected settings or an operation of at most {LONGEST:,} characters, found {found}"


_TOO_DEEP = f"expected mappings and lists nested at most {_DEEPEST} deep, found more"


def _first(problems: list[str], untold: int = 0) -> list[str]:
    """Return the first *problems*, and how many more there are, including the *untold* ones."""
    more = max(0, len(problems) - _TOLD) + untold
    told = [_cut(one, _LONGEST_SENTENCE) for one in problems[:_TOLD]]
    return [*told, f"and {more} more"] if more else told


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

    A wrong value is reported and left out, so other problems are found at the same time.
    """
    adapter: TypeAdapter[T] = _adapter(cast(Any, model))
    problems: dict[str, None] = {}
    untold = 0
    rest = copy.deepcopy(dict(data))
    while True:
        try:
            return adapter.validate_python(rest), _first(list(problems), untold)
        except ValidationError as error:
            found = error.errors(include_url=False)
            # Problems that are not reported need no sentence: writing it takes longer than finding them.
            problems |= dict.fromkeys(s for p in found[:_TOLD] for s in _sentences(p, lines, model))
            untold += max(0, len(found) - _TOLD)
            wrong = [problem for problem in found if problem["type"] not in _WHOLE]
            pruned = [_mended(rest, problem) for problem in wrong]
            if not any(pruned):
                return None, _first(list(problems), untold)


@cache
def _adapter(model: Any) -> TypeAdapter[Any]:
    # Building one takes 10 to 30 ms, and a command reads several texts of the same kind.
    return TypeAdapter(model)


def _mended(data: Any, problem: Any) -> bool:
    """Take out one wrong value, so that other problems are found; return whether it was there.

    A number in place of text is only missing its quotes, so it becomes text: leaving it out would cause
    problems where it is needed.
    """
    loc, unquoted = problem["loc"], _is_unquoted(problem)
    for part in loc[:-1]:
        try:
            data = data[part]
        except (KeyError, IndexError, TypeError):
            # pydantic names branches of a union, which are not part of the data.
            return False
    if not isinstance(data, dict) or loc[-1] not in data:
        return False
    if unquoted:
        data[loc[-1]] = str(data[loc[-1]])
    else:
        del data[loc[-1]]
    return True


def _is_unquoted(problem: Any) -> bool:
    """Return whether YAML read a number, a date or true/false where text was expected."""
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
    """Return *data* as YAML text in its own order."""
    return yaml.dump(dict(data), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)


def _syntax(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
    return f"{where}not valid YAML: {getattr(error, 'problem', None) or ' '.join(str(error).split())}"


class _Walk:
    """Checks every node once, before anything is built from it.

    Attributes:
        lines: The line (from 1) of each key path.
        problems: What no setting may have; one sentence each.
    """

    def __init__(self) -> None:
        self.lines: dict[Path, int] = {}
        self.problems: list[str] = []
        self._seen: set[int] = set()

    def look_at(self, node: yaml.Node, path: Path) -> None:
        """Check *node*, which is at *path*, and everything in it."""
        self.lines[path] = node.start_mark.line + 1
        problem = "" if id(node) not in self._seen else "aliases (*name) are not supported: repeat the value"
        self._seen.add(id(node))
        if len(path) > _DEEPEST:
            problem = _TOO_DEEP
        if problem := problem or _node_problem(node):
            self._tell(node, path, problem)
        elif isinstance(node, yaml.MappingNode):
            self._look_into(node, path)
        elif isinstance(node, yaml.SequenceNode):
            for index, value in enumerate(node.value):
                self.look_at(value, (*path, index))

    def _look_into(self, node: yaml.MappingNode, path: Path) -> None:
        known: set[str] = set()
        for key, value in node.value:
            name = str(key.value) if isinstance(key, yaml.ScalarNode) else ""
            problem = "" if name else "expected a name before the colon, found none"
            if isinstance(key, yaml.CollectionNode):
                problem = "expected a name before the colon, found a list or mapping"
            if len(name) > _LONGEST_KEY:
                problem = f"expected a name of at most {_LONGEST_KEY} characters, found {len(name):,}"
            if problem := problem or _node_problem(key):
                self._tell(key, (*path, _cut(name)) if name else path, problem)
                continue
            if name in known:
                self._tell(key, (*path, name), "is given twice")
            known.add(name)
            self.look_at(value, (*path, name))
            self.lines[(*path, name)] = key.start_mark.line + 1

    def _tell(self, node: yaml.Node, path: Path, problem: str) -> None:
        name = f"{_dotted(path)}: " if path else ""
        self.problems.append(f"line {node.start_mark.line + 1}: {name}{problem}")


def _node_problem(node: yaml.Node) -> str:
    """Return what is wrong with one node, whatever its setting, or an empty text."""
    if node.tag not in _TAGS:
        return f"expected a plain value, found one with the tag {_cut(str(node.tag))}"
    if not isinstance(node, yaml.ScalarNode) or node.tag not in (_TAG + "int", _TAG + "float"):
        return ""
    found = _cut(node.value)
    if len(node.value) > _DIGITS:
        return f"expected a number of at most {_DIGITS} digits, found {len(node.value):,} ({found}){_QUOTES}"
    whole = node.tag == _TAG + "int"
    try:
        number = _NUMBERS.construct_yaml_int(node) if whole else _NUMBERS.construct_yaml_float(node)
    except (ValueError, IndexError):
        return f"expected a number, found {found}"
    if not math.isfinite(number) or (whole and abs(number) >= _LARGEST):
        return f"expected a number below 2^63, found {found}{_QUOTES}"
    return ""


def _cut(text: str, most: int = _SHOWN) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _shown(found: object) -> str:
    return _cut(repr(found))


def _dotted(path: Path) -> str:
    return ".".join(str(part) for part in path)


def _sentence(problem: Any, lines: Mapping[Path, int], model: type) -> str:
    path: Path = tuple(part for part in problem["loc"] if (part != "[key]"))
    known = path
    while known and known not in lines:
        # Union branches and key markers of pydantic are not part of what the user wrote.
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
        return f"{lead}expected {problem['ctx']['expected']}, found {_shown(found)}"
    expected = _EXPECTED.get(problem["type"])
    if _is_unquoted(problem):
        kind = type(found).__name__
        return f"{lead}expected text, and YAML reads {_READ.get(kind, kind)}: put quotes around it"
    if expected:
        return f"{lead}expected {expected}, found {_shown(found)}"
    return f"{lead}{problem['msg']}, found {_shown(found)}"


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
