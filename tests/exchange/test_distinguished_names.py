"""A DistinguishedName has one spelling, whatever it was written like."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkps.exchange.distinguished_names import read_distinguished_name

ROOT = "OU=Users,DC=contoso,DC=com"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (f"CN=Ann Beebe,{ROOT}", f"CN=Ann Beebe,{ROOT}"),
        ("cn=Ann Beebe, ou=Users , dc=contoso,  DC=com", f"CN=Ann Beebe,{ROOT}"),
        (rf"CN=Beebe\, Ann,{ROOT}", rf"CN=Beebe\, Ann,{ROOT}"),
        (rf"CN=Beebe\2C Ann,{ROOT}", rf"CN=Beebe\, Ann,{ROOT}"),
        (f'CN="Beebe, Ann",{ROOT}', rf"CN=Beebe\, Ann,{ROOT}"),
        (rf"CN=p0\0A403557e1,{ROOT}", rf"CN=p0\0A403557e1,{ROOT}"),
        (rf"CN=debra\730000,{ROOT}", f"CN=debras0000,{ROOT}"),
        (rf"CN=Z\C3\B6e,{ROOT}", f"CN=Zöe,{ROOT}"),
        (rf"CN=\#1 Team,{ROOT}", rf"CN=\#1 Team,{ROOT}"),
        (rf"CN=Team \#1,{ROOT}", f"CN=Team #1,{ROOT}"),
        (rf"CN=R\2FD / Sales,{ROOT}", f"CN=R/D / Sales,{ROOT}"),
        (rf"CN=a\+b\=c\;d\<e\>,{ROOT}", rf"CN=a\+b\=c\;d\<e\>,{ROOT}"),
        (rf"CN=Ann\ ,{ROOT}", rf"CN=Ann\ ,{ROOT}"),
        (f"CN=R&D <x>,{ROOT}", rf"CN=R&D \<x\>,{ROOT}"),
    ],
)
def test_spellings_of_one_object_are_one(written: str, read: str) -> None:
    assert read_distinguished_name(written) == read
    assert read_distinguished_name(read) == read


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("Ann Beebe", "expected CN=, OU= or DC= at character 1"),
        (f"CN=Ann,Beebe,{ROOT}", "expected CN=, OU= or DC= at character 8"),
        ("CN=Ann,OU=Users", "and end with DC="),
        (f"DC=contoso,{ROOT}", "it must begin with CN= or OU="),
        (f"CN=,{ROOT}", "no part may be empty"),
        (f"CN=Ann;{ROOT}", "; at character 7: put a comma between"),
        (f'CN="Ann,{ROOT}', "a quote is not closed"),
        (rf"CN=Ann\FF,{ROOT}", "is not UTF-8"),
        (f"CN=Ann,{ROOT}\\", "nothing follows the backslash at the end"),
        (f"CN=A*n,{ROOT}", "an asterisk"),
    ],
)
def test_what_is_none_is_refused_with_the_place(written: str, why: str) -> None:
    with pytest.raises(ValueError, match=re.escape(why)):
        read_distinguished_name(written)


@given(
    st.text(
        alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="*"), min_size=1, max_size=40
    )
)
def test_every_name_is_read_back_from_its_escaped_form(name: str) -> None:
    escaped = "".join(f"\\{byte:02X}" for byte in name.encode("utf-8"))

    once = read_distinguished_name(f"CN={escaped},{ROOT}")

    assert read_distinguished_name(once) == once
