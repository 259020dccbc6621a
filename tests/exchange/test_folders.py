"""The folder syntax of IncludeFolders and ExcludeFolders."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkps.exchange.folder_filter import WELL_KNOWN, Folder, read_folder

NAMES = st.text(
    st.characters(blacklist_characters="/*\\#", blacklist_categories=("Cs", "Cc", "Z")), min_size=1
)


@pytest.mark.parametrize(
    ("text", "folder"),
    [
        ("Name/*", Folder(path=("Name",), subfolders=True)),
        ("MyProjects", Folder(path=("MyProjects",))),
        ("MyProjects/FY2010", Folder(path=("MyProjects", "FY2010"))),
        ("#Inbox#", Folder("Inbox")),
        ("#Inbox#/*", Folder("Inbox", subfolders=True)),
        ("#Inbox#/Sub/*", Folder("Inbox", ("Sub",), subfolders=True)),
        (r"\#Notes\#", Folder(path=("#Notes#",))),
        (r"\#Notes\#/*", Folder(path=("#Notes#",), subfolders=True)),
        ("Issue #7/*", Folder(path=("Issue #7",), subfolders=True)),
        ("Gelen Kutusu", Folder(path=("Gelen Kutusu",))),
    ],
)
def test_a_folder_is_well_known_or_personal_with_or_without_what_is_below(text: str, folder: Folder) -> None:
    assert read_folder(text) == folder
    assert read_folder(str(folder)) == folder


@pytest.mark.parametrize("name", WELL_KNOWN)
def test_every_well_known_folder_is_known_in_any_case(name: str) -> None:
    assert read_folder(f"#{name.lower()}#/*") == Folder(name, subfolders=True)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("#Inbx#", "did you mean #Inbox#"),
        ("#Projects#", r"Write a personal folder of that name as \#Projects\#"),
        ("In*", "is allowed only alone at the end"),
        ("*", "is allowed only alone at the end"),
        ("In*/Sub", "is allowed only alone at the end"),
        ("Inbox//Sub", "without a name"),
        ("", "without a name"),
        ("/", "without a name"),
    ],
)
def test_what_is_no_folder_is_refused_with_what_would_be_right(text: str, sentence: str) -> None:
    with pytest.raises(ValueError) as raised:
        read_folder(text)

    assert sentence in str(raised.value)


@given(st.sampled_from(["", *WELL_KNOWN]), st.lists(NAMES, min_size=1, max_size=3), st.booleans())
def test_a_folder_survives_being_written_and_read(head: str, path: list[str], subfolders: bool) -> None:
    folder = Folder(head, tuple(path), subfolders)

    assert read_folder(str(folder)) == folder


@given(st.text())
def test_any_text_is_a_folder_or_refused(text: str) -> None:
    try:
        folder = read_folder(text)
    except ValueError:
        return
    assert folder.well_known or folder.path
