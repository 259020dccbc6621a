"""Whatever is done to an audit log is found, named at its first line, and never taken for sound."""

import hashlib
import json
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bulkps.errors import RecordFailed
from bulkps.records.audit import FIRST
from bulkps.records.audit_opening import check_log
from bulkps.records.audit_verify import Finding, Kind, Known, Verdict, verify
from tests.cli.auditlogs import Lines, chained, edited, rechained

SOUND = list(chained(9))
WHOLE = b"".join(SOUND)
INDEXES = st.integers(0, len(SOUND) - 1)
BYTES = st.integers(0, len(WHOLE) - 1)


def known(count: int = len(SOUND), *, over: bool = True) -> Known:
    """What the journal has of the first *count* lines."""
    return Known(count, hashlib.sha256(SOUND[count - 1][:-1]).hexdigest() if count else "", over)


def split(content: bytes) -> Lines:
    """Return *content* as a file yields it: only LF ends a line."""
    *whole, rest = content.split(b"\n")
    return [*(line + b"\n" for line in whole), *([rest] if rest else [])]


def verdict(lines: Lines, journal: Known | None) -> Verdict:
    return verify(split(b"".join(lines)), "r", lambda: journal)


def the_finding(lines: Lines) -> Finding:
    """Return what is wrong with *lines*; all else has to be sound by itself."""
    found = verdict(lines, known())
    assert not found.sound
    assert found.rest_sound, found.findings
    return found.findings[0]


def plainly_sound(lines: Lines, journal: Known | None) -> bool:
    """Return whether *lines* are sound by the rule alone; a last line may be half after a crash."""
    heads = [FIRST]
    for number, raw in enumerate(lines, 1):
        try:
            entry = json.loads(raw)
            wanted = (entry["run"], entry["line"], entry["previous"]) == ("r", number, heads[-1])
        except (ValueError, TypeError, LookupError):
            wanted = False
        if not wanted or not raw.endswith(b"\n") or raw.endswith(b"\r\n"):
            break
        heads.append(hashlib.sha256(raw[:-1]).hexdigest())
    count = len(heads) - 1
    if journal is None:
        return 0 < count == len(lines)
    if count < journal.lines or (journal.lines and heads[journal.lines] != journal.head):
        return False
    rest = lines[count:]
    half = len(rest) == 1 and not rest[0].endswith(b"\n")
    return not rest and count == journal.lines if journal.over else not rest or half


@given(BYTES, st.integers(0, 255))
def test_a_byte_that_was_changed_is_found_in_its_line(place: int, value: int) -> None:
    assume(WHOLE[place] != value)
    changed = bytearray(WHOLE)
    changed[place] = value
    line = WHOLE.count(b"\n", 0, place) + 1

    found = verdict([bytes(changed)], known())

    first = found.findings[0]
    assert first.line <= line <= first.last
    assert first.last - first.line <= 1
    if place == len(WHOLE) - 1:
        assert first.kind is Kind.CUT
    else:
        assert first.kind in (Kind.CHANGED, Kind.FOREIGN)
    # Without its line end a line is one with the next; a new line end makes two of one.
    assert found.rest_sound or b"\n" in (WHOLE[place : place + 1], bytes([value]))


@given(INDEXES, st.integers(1, 3))
def test_lines_that_were_removed_are_missed_where_they_stood(index: int, count: int) -> None:
    lines = [*SOUND[:index], *SOUND[index + count :]]

    found = the_finding(lines)

    kind = Kind.REMOVED if index + count < len(SOUND) else Kind.CUT
    assert (found.line, found.kind) == (index + 1, kind)


@given(st.integers(0, len(SOUND)), INDEXES, st.integers(1, 3))
def test_lines_that_were_copied_to_another_place_are_inserted_there(at: int, index: int, count: int) -> None:
    copies = SOUND[index : index + count]
    lines = [*SOUND[:at], *copies, *SOUND[at:]]
    # Of lines that stand there twice none is the copy.
    same = [
        place + 1 for place in range(len(lines)) if [*lines[:place], *lines[place:][len(copies) :]] == SOUND
    ]

    found = the_finding(lines)

    assert found.kind is Kind.INSERTED
    assert found.line in same


@given(INDEXES)
def test_a_forged_line_that_continues_the_one_before_is_inserted(index: int) -> None:
    lines = [*SOUND[:index], edited(SOUND[index], message="forged"), *SOUND[index:]]

    found = the_finding(lines)

    assert (found.line, found.last, found.kind) == (index + 1, index + 1, Kind.INSERTED)


@given(st.integers(1, 3))
def test_forged_lines_behind_the_end_that_are_chained_as_they_should_be_are_inserted(count: int) -> None:
    forged = [edited(SOUND[-1], line=len(SOUND) + place, message="forged") for place in range(1, count + 1)]
    lines = rechained([*SOUND, *forged], len(SOUND))

    found = the_finding(lines)

    assert (found.line, found.last, found.kind) == (len(SOUND) + 1, len(lines), Kind.INSERTED)


@given(st.integers(0, len(SOUND) - 1), st.integers(1, 3))
def test_lines_that_the_journal_does_not_know_yet_are_sound_and_said(count: int, cut: int) -> None:
    found = verdict(SOUND[: len(SOUND)], known(count, over=False))
    half = verdict([*SOUND[:-1], SOUND[-1][:-cut]], known(count, over=False))

    assert found.sound and half.sound
    assert f"{len(SOUND) - count} line" in found.notes[0]
    assert "is incomplete and not in the journal" in half.notes[0]


@given(st.integers(1, len(SOUND)), st.integers(1, len(SOUND[0]) - 1))
def test_a_line_that_the_journal_knows_is_not_one_that_a_crash_cut_short(count: int, cut: int) -> None:
    lines = [*SOUND[: count - 1], SOUND[count - 1][:-cut]]

    found = verdict(lines, known(count, over=False))

    assert [(one.line, one.kind) for one in found.findings] == [(count, Kind.CUT)]


@given(st.integers(1, len(SOUND) - 1))
def test_the_last_line_that_the_journal_knows_is_not_accused_for_the_next(count: int) -> None:
    forged = edited(SOUND[count], previous="ab" * 32)
    journal = known(count, over=False)

    changed = verdict([*SOUND[:count], forged, *SOUND[count + 1 :]], journal)
    added = verdict([*SOUND[:count], forged], journal)

    kind = Kind.CHANGED if count < len(SOUND) - 1 else Kind.INSERTED
    assert [(one.line, one.kind) for one in changed.findings] == [(count + 1, kind)]
    assert [(one.line, one.kind) for one in added.findings] == [(count + 1, Kind.INSERTED)]


@given(INDEXES, INDEXES)
def test_a_line_that_was_moved_is_named_where_it_stands(index: int, to: int) -> None:
    assume(index != to)
    lines = [*SOUND[:index], *SOUND[index + 1 :]]
    lines.insert(to, SOUND[index])

    found = the_finding(lines)

    # Of neighbours that were swapped either was moved.
    line = to + 1 if abs(index - to) > 1 else min(index, to) + 1
    assert (found.line, found.last, found.kind) == (line, line, Kind.MOVED)


@given(BYTES)
def test_a_log_that_was_cut_anywhere_is_cut_there(length: int) -> None:
    found = the_finding([WHOLE[:length]])

    assert (found.line, found.kind) == (WHOLE.count(b"\n", 0, length) + 1, Kind.CUT)


@given(st.lists(INDEXES, min_size=2, max_size=4, unique=True))
def test_of_several_changes_the_first_is_named_and_the_rest_is_not_called_sound(indexes: list[int]) -> None:
    first, *others = sorted(indexes)
    assume(all(other - first > 1 for other in others))
    lines = [edited(line, row="x") if place in indexes else line for place, line in enumerate(SOUND)]

    found = verdict(lines, known())

    assert (found.findings[0].line, found.findings[0].kind) == (first + 1, Kind.CHANGED)
    assert not found.rest_sound


@st.composite
def damaged(draw: st.DrawFn) -> Lines:
    """A log to which several things were done."""
    lines = list(SOUND)
    for _ in range(draw(st.integers(0, 4))):
        index, to = draw(INDEXES), draw(INDEXES)
        line = lines[min(index, len(lines) - 1)] if lines else b"text\n"
        match draw(
            st.sampled_from(["remove", "copy", "move", "value", "number", "byte", "anew", "cut", "end"])
        ):
            case "remove":
                del lines[index : index + 1]
            case "copy":
                lines.insert(to, line)
            case "move":
                lines = [*lines[:index], *lines[index + 1 :]]
                lines.insert(to, line)
            case "value" if line in SOUND:
                lines[lines.index(line)] = edited(line, row=to)
            case "number" if line in SOUND:
                lines[lines.index(line)] = edited(line, line=to + 1)
            case "byte":
                content = bytearray(b"".join(lines))
                content[index * len(content) // 10 : index * len(content) // 10 + 1] = bytes([to * 25])
                lines = split(bytes(content))
            case "anew" if all(line in SOUND for line in lines):
                lines = rechained(lines, min(index, len(lines)), numbers=to % 2 == 0)
            case "cut":
                lines = split(b"".join(lines)[: -1 - to])
            case "end":
                lines = [*lines[:-1], *(one[:-1] + b"\r\n" for one in lines[-1:])]
    return split(b"".join(lines))


@given(damaged(), st.none() | st.builds(known, st.integers(0, 9), over=st.booleans()))
def test_whatever_was_done_to_a_log_it_is_sound_only_by_the_rule(lines: Lines, journal: Known | None) -> None:
    assert verdict(lines, journal).sound == plainly_sound(lines, journal)


@given(damaged())
def test_no_run_goes_on_with_a_log_that_is_not_sound_and_the_log_stays_as_it_is(lines: Lines) -> None:
    assume(lines != SOUND)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "r.jsonl"
        path.write_bytes(b"".join(lines))

        with pytest.raises(RecordFailed):
            check_log(path, "r", known(), "completed")

        assert path.read_bytes() == b"".join(lines)
