"""Problems of a file that are alike are told once, with their rows; each is told where they are few."""

import uuid
from pathlib import Path

import pytest

from tests.conftest import Run, as_object

HEADER = "source_guid,target_mailbox\n"


def written(folder: Path, rows: list[str]) -> Path:
    path = folder / "in.csv"
    path.write_text(HEADER + "".join(f"{row}\n" for row in rows), encoding="utf-8")
    return path


def sound(number: int) -> str:
    return f"{uuid.UUID(int=number + (4 << 76) + (8 << 60))},ann{number}@contoso.com"


def problems(bulkps: Run, file: Path, *more: object) -> list[str]:
    """Return what is printed below the count of problems."""
    said = bulkps("check", "restore", file, *more)
    assert said.exit_code == 3, said.output
    return said.stderr.splitlines()[1:]


def test_alike_problems_are_one_line_with_examples_and_ranges(bulkps: Run, tmp_path: Path) -> None:
    wrong = {2, 3, 4, 7, 9, 10}
    rows = [f"guid-{row},ann{row}@contoso.com" if row in wrong else sound(row) for row in range(2, 12)]

    told = problems(bulkps, written(tmp_path, rows))

    assert len(told) == 2
    assert told[0].startswith(
        "  rows 2-4, 7, 9-10 (6 rows), source_guid: "
        "found 'guid-2', 'guid-3', 'guid-4' and others, expected a GUID"
    )
    assert told[1] == "To write all problems to a file, one per line, add --problems FILE"


def test_few_problems_are_told_one_by_one(bulkps: Run, tmp_path: Path) -> None:
    told = problems(bulkps, written(tmp_path, [f"guid-{n},ann{n}@contoso.com" for n in range(3)]))

    assert [line.partition(": found")[0] for line in told] == [
        f"  row {row}, source_guid" for row in (2, 3, 4)
    ]


def test_problems_of_another_column_or_of_another_kind_stand_apart(bulkps: Run, tmp_path: Path) -> None:
    rows = [f"guid-{n},a b{n}@contoso.com" for n in range(5)] + [",ann@contoso.com"] * 4

    told = problems(bulkps, written(tmp_path, rows))

    assert [line.split(": found ")[0] for line in told[:3]] == [
        "  rows 2-6 (5 rows), source_guid",
        "  rows 2-6 (5 rows), target_mailbox",
        "  rows 7-10 (4 rows), source_guid",
    ]
    assert ": found nothing, expected a value" in told[2]


def test_what_differs_in_the_sentence_is_left_out_of_it(bulkps: Run, tmp_path: Path) -> None:
    rows = [sound(n) for n in range(5)]

    told = problems(bulkps, written(tmp_path, rows * 2))

    assert told[0].startswith("  rows 7-11 (5 rows), source_guid: found '")
    assert told[0].endswith(" and others, expected no duplicate: row … has the same")


def test_many_kinds_of_problems_end_with_their_count(bulkps: Run, tmp_path: Path) -> None:
    header = HEADER.strip() + "," + ",".join(f"c{n}" for n in range(60))
    file = tmp_path / "in.csv"
    file.write_text(f"{header}\n{sound(1)}{',x' * 60}\n")

    told = problems(bulkps, file, "--strict-columns")

    assert len(told) == 52
    assert told[50:] == [
        "  and 10 more",
        "To write all problems to a file, one per line, add --problems FILE",
    ]


def test_many_rows_are_told_by_their_first_ranges_and_their_number(bulkps: Run, tmp_path: Path) -> None:
    rows = [sound(n) if n % 2 else f"guid,ann{n}@contoso.com" for n in range(3000)]

    told = problems(bulkps, written(tmp_path, rows))

    assert told[0].startswith(
        "  rows 2, 4, 6, 8, 10, 12, 14, 16, … (1,500 rows), source_guid: found 'guid', expected a GUID"
    )


@pytest.mark.parametrize("command", ["run", "validate"])
def test_whoever_refuses_a_file_groups_its_problems(bulkps: Run, tmp_path: Path, command: str) -> None:
    said = bulkps(command, "restore", written(tmp_path, [f"guid-{n},ann{n}@contoso.com" for n in range(9)]))

    assert said.exit_code == 3
    assert "9 problems, nothing was sent\n  rows 2-10 (9 rows), source_guid: found 'guid-0'" in said.stderr
    assert said.stderr.endswith("To write all problems to a file, one per line, add --problems FILE\n")


def test_warnings_about_cells_are_grouped_too(bulkps: Run, tmp_path: Path) -> None:
    file = tmp_path / "in.csv"
    rows = [f"{sound(n)},M?ller {n}" for n in range(6)]
    file.write_text(
        "source_guid,target_mailbox,target_folder\n" + "".join(f"{row}\n" for row in rows), "utf-8"
    )

    said = bulkps("check", "restore", file)
    told = as_object(bulkps("check", "restore", file, "--json"))

    assert said.exit_code == 0
    [warning] = [line for line in said.stderr.splitlines() if line.startswith("warning: ")]
    assert warning.startswith("warning: rows 2-7 (6 rows), target_folder: found 'M?ller 0', ")
    assert told["cell_warning_count"] == 6
    assert len(told["cell_warnings"]) == 6


def test_a_runbook_is_told_every_problem_by_itself(bulkps: Run, tmp_path: Path) -> None:
    file = written(tmp_path, [f"guid-{n},ann{n}@contoso.com" for n in range(70)])

    told = as_object(bulkps("check", "restore", file, "--json"))

    assert (told["problem_count"], len(told["problems"])) == (70, 50)
    assert told["problems"][49]["found"] == "guid-49"
