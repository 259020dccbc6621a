"""YAML that is no settings file ends in sentences that name file and key, never in a traceback or a hang."""

import random
import string
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from bulkps.errors import InvalidInput
from bulkps.exchange.error_catalog import load_catalogue
from bulkps.operations.loader import built_in_text, load_operation
from bulkps.settings import load_settings
from bulkps.yaml_config import LONGEST
from tests.conftest import Run

LAUGHS = "\n".join(f"x{n}: &x{n} [{', '.join([f'*x{n - 1}'] * 9) if n else '1'}]" for n in range(20))
LONG = "9" * 5000
#: A text, and what is said of it.
REFUSED = {
    "a number of 5,000 digits": (f"run: {{batch_size: {LONG}}}", "expected a number of at most 100"),
    "one that is negative": (f"run: {{batch_size: -{LONG}}}", "expected a number of at most 100"),
    "one of 100 digits": (f"run: {{batch_size: {LONG[:99]}}}", "batch_size: expected a number below 2^63"),
    "one in hexadecimal": (f"run: {{batch_size: 0x{LONG[:80]}}}", "batch_size: expected a number below 2^63"),
    "no number": ("run: {delay_between_batches: .nan}", "delay_between_batches: expected a number"),
    "no end": ("run: {delay_between_batches: -.inf}", "delay_between_batches: expected a number"),
    "an overflow": ("run: {delay_between_batches: 1.0e+400}", "delay_between_batches: expected a number"),
    "a tag on text": ("run: {batch_size: !!int abc}", "run.batch_size: expected a number, found abc"),
    "an empty number": ('run: {batch_size: !!int ""}', "run.batch_size: expected a number, found"),
    "a billion laughs": (LAUGHS, "x1.1: aliases (*name) are not supported: repeat the value"),
    "a list in itself": ("run: &a [*a]", "run.0: aliases"),
    "a mapping in itself": ("&a {run: *a}", "run: aliases"),
    "a key that is itself": ("run: &a {*a : 1}", "run: expected a name before the colon, found a list"),
    "a merge": ("x: &x {batch_size: 3}\nrun: {<<: *x}", "run.<<: aliases"),
    "a merge without alias": ("run: {<<: {batch_size: 3}}", "run.<<: unknown setting"),
    "a Python object": ("run: !!python/object/apply:os.system [ls]", "expected a plain value, found one"),
    "a tag of somebody": ("connection: !vault x", "expected a plain value, found one with the tag !vault"),
    "bytes": ("connection: !!binary aGVsbG8=", "connection: expected a plain value, found one with the tag"),
    "a set": ("run: !!set {a, b}", "run: expected a plain value, found one with the tag"),
    "a moment with a tag": ("connection: !!timestamp 2024-99-99", "connection: expected a plain value"),
    "deep lists": ("run: " + "[" * 900 + "]" * 900, "at most 32 deep"),
    "deeper lists": ("run: " + "[" * 90_000, "not valid YAML"),
    "deep mappings": ("\n".join(" " * n + "a:" for n in range(900)), "at most 32 deep"),
    "a long name": ("n" * 500 + ": 1", "expected a name of at most 200 characters, found 500"),
    "no name": ("? [1, 2]\n: x", "expected a name before the colon, found a list or mapping"),
    "an empty name": ('"": x', "expected a name before the colon, found none"),
    "a name twice": ("run: {}\nrun: {}", "line 2: run: is given twice"),
    "a name in quotes twice": ('run: {}\n"run": {}', "line 2: run: is given twice"),
    "many names": ("\n".join(f"name{n}: 1" for n in range(10_000)), "and 9900 more"),
    "a long text": ("connection: " + "x" * 900_000, "no connection 'xxx"),
    "a date for a number": ("run: {batch_size: 2024-01-31}", "expected a whole number, found '2024-01-31'"),
    "two documents": ("run: {}\n---\nrun: {}", "not valid YAML"),
    "NUL": ("run: \0", "not valid YAML"),
    "half a character": ("run: \ud800", "not valid YAML"),
    "a bell": ("run: \a", "not valid YAML"),
    "a list": ("[1, 2]", "expected a mapping (name: value), found [1, 2]"),
    "a pattern without end": (
        f"errors: [{{id: x, pattern: '{'(' * 5000}', error_class: auth, advice: x}}]",
        "not a regular expression",
    ),
}  # fmt: skip
READERS: dict[str, Callable[[str], object]] = {
    "an operation": lambda text: load_operation(text, "evil.yaml"),
    "a catalogue": lambda text: load_catalogue(text, "evil.yaml"),
}


@pytest.mark.parametrize("name", list(REFUSED))
def test_what_no_settings_file_has_is_refused_in_a_sentence(bulkps: Run, tmp_path: Path, name: str) -> None:
    text, expected = REFUSED[name]
    path = tmp_path / "evil.yaml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))

    said = bulkps("operations", "--config", path)

    assert said.exit_code == 3, said.output
    assert said.stderr.startswith(f"Error: {path}: ")
    if name != "half a character":
        assert expected in said.stderr
    assert len(said.stderr) < 25_000


@pytest.mark.parametrize("reader", list(READERS))
@pytest.mark.parametrize("name", list(REFUSED))
def test_what_no_settings_file_has_no_operation_and_no_catalogue_has_either(name: str, reader: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        READERS[reader](REFUSED[name][0])

    assert str(raised.value).startswith("evil.yaml: ")


@pytest.mark.parametrize("size", [LONGEST + 1, 100_000_000])
def test_a_file_that_is_too_long_is_not_read(bulkps: Run, tmp_path: Path, size: int) -> None:
    path = tmp_path / "evil.yaml"
    with path.open("wb") as file:
        file.write(b"run: {}\n")
        file.truncate(size)

    said = bulkps("operations", "--config", path)

    assert said.exit_code == 3
    assert "expected settings or an operation of at most 1,048,576 characters, found more" in said.stderr


def test_a_date_is_text(tmp_path: Path) -> None:
    text = built_in_text("restore").replace("summary: ", "summary: 2024-01-31\ndescription: ", 1)
    text = "\n".join(line for number, line in enumerate(text.split("\n")) if number < 9 or line)

    operation = load_operation(text.replace("\ndescription: |", "\nadvice: |", 1), "dated.yaml")

    assert operation.summary == "2024-01-31"


#: Pieces that YAML gives a meaning, and some that it does not.
PIECES = (
    "a: ", "run: ", "- ", "\n", "\n  ", "[", "]", "{", "}", "&a ", "*a ", "!x ", "!!int ", "!!float ", "? ",
    ": ", "| ", "> ", "# ", "'", '"', "%YAML 1.1\n", "---\n", "...\n", "<<: ", "=", "~", ".nan", ".inf",
    "1:20:30", "0b101", "0o7", "2024-01-31", "2024-13-45T99:99:99Z", "null", "yes", "\u2028",
    "\ufeff", "\x85", "\t",
    "@", "`", "columns: ", "steps: ", "name: ", "\U0001f600", "\u0130", "\u00b2", "12345678901234567890",
)  # fmt: skip


@pytest.mark.parametrize("seed", range(20))
def test_no_text_of_yaml_ends_in_a_traceback(tmp_path: Path, seed: int) -> None:
    draw = random.Random(seed)
    whole, path = built_in_text("recovery"), tmp_path / "evil.yaml"
    for _ in range(40):
        if draw.random() < 0.5:
            text = "".join(draw.choices(PIECES, k=draw.randrange(1, 40)))
        else:
            place = draw.randrange(len(whole))
            noise = "".join(draw.choices((*PIECES, *string.printable), k=3))
            text = whole[:place] + noise + whole[place + draw.randrange(20) :]
        path.write_text(text, encoding="utf-8")
        for read in READERS.values():
            with suppress(InvalidInput):
                read(text)
        with suppress(InvalidInput):
            load_settings(path, {})
