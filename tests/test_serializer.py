"""What goes to the wire is what pypsrp writes; what comes from it is read whole."""

import copy
import xml.etree.ElementTree as ET
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pypsrp.powershell import RunspacePool
from pypsrp.serializer import Serializer
from pypsrp.wsman import WSMan

from bulkps.sessions.serializer import QuickSerializer, quicken, xml_of
from bulkps.sessions.wire_types import plain, properties

#: What a batch is made of: pypsrp has no form for a lone surrogate.
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**31), 2**31 - 1)
    | st.uuids()
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text("aN_x\n", max_size=3), inner, max_size=4)
    ),
    max_leaves=20,
)


def written(value: Any) -> str:
    message = QuickSerializer().serialize([copy.deepcopy(value)])
    assert isinstance(message, bytes)
    return message.decode()


def written_by_pypsrp(value: Any) -> str:
    element = Serializer().serialize([copy.deepcopy(value)])
    assert element is not None
    return ET.tostring(element, encoding="unicode")


@given(VALUES)
def test_a_message_is_written_as_pypsrp_writes_it(value: Any) -> None:
    assert ET.canonicalize(written(value)) == ET.canonicalize(written_by_pypsrp(value))


@pytest.mark.parametrize("name", ["a&b<c>", 'a "quoted" name', "a\nline", "tab\tand\rreturn", "'"])
def test_a_name_arrives_as_it_is(name: str) -> None:
    element = ET.Element("S", N=name)
    element.text = name

    found = ET.fromstring(xml_of(element))  # noqa: S314 - its own

    assert found.attrib == {"N": name}
    assert found.text == name.replace("\r", "\n")


@given(VALUES)
def test_what_was_written_is_read_again(value: Any) -> None:
    def expected(one: Any) -> Any:
        if isinstance(one, list):
            return [expected(part) for part in one]
        if isinstance(one, dict):
            return {key: expected(part) for key, part in one.items()}
        return str(one) if isinstance(one, UUID) else one

    assert QuickSerializer().deserialize(written(value)) == [expected(value)]


def test_a_pool_has_no_serializer_but_ours() -> None:
    """A version of pypsrp that keeps one anywhere else would read and write with its own there."""
    pool = RunspacePool(WSMan("exchange.contoso.com", auth="basic", username="ann", password="secret"))
    quicken(pool)

    parts = [pool, *vars(pool).values()]
    found = [one for part in parts for one in getattr(part, "__dict__", {}).values()]
    serializers = [one for one in found if isinstance(one, Serializer)]
    assert len(serializers) >= 2
    assert all(type(one) is QuickSerializer for one in serializers)


ENUMERATION = (
    '<Obj RefId="0"><TN RefId="0"><T>X.Colour</T><T>System.Enum</T></TN><ToString>Red</ToString>'
    "<I32>1</I32></Obj>"
)
SET = (
    '<Obj RefId="0"><TN RefId="0"><T>Set</T></TN><IE><S>a</S></IE><Props><I32 N="Count">1</I32></Props></Obj>'
)
QUEUE = '<Obj RefId="0"><TN RefId="0"><T>System.Collections.Queue</T></TN><QUE><I32>1</I32></QUE></Obj>'


@pytest.mark.parametrize(
    ("xml", "value"),
    [
        ("<S>a_x000A_b_x005F_x0041_</S>", "a\nb_x0041_"),
        ("<S>_xD83D__xDE00_</S>", "\U0001f600"),
        ("<S>_xD83D_ alone</S>", "\\uD83D alone"),
        # Its UTF-16 looks like an escape to pypsrp.
        ("<S>开_发_xyzzy_</S>", "开_发_xyzzy_"),
        ("<G>00000000-0000-0000-0000-000000000005</G>", str(UUID(int=5))),
        ('<Obj RefId="0"><S>text</S><MS><I32 N="n">1</I32></MS></Obj>', "text"),
        (ENUMERATION, "Red"),
        (SET, ["a"]),
        (QUEUE, [1]),
        ("<SS>secret</SS>", "***"),
        ("<BA>AQID</BA>", "AQID"),
        ("<D>1.10</D>", "1.10"),
        ("<C>228</C>", "ä"),
    ],
)  # fmt: skip
def test_an_output_is_what_the_engine_meant(xml: str, value: object) -> None:
    found = QuickSerializer().deserialize(xml)

    assert plain(found) == value
    assert properties(found, ()) == {"Value": value}


def test_an_object_that_holds_itself_and_types_that_are_named_once() -> None:
    text = (
        '<Obj RefId="0"><TN RefId="0"><T>A</T></TN><MS><Ref N="Self" RefId="0"/>'
        '<Obj N="Other" RefId="1"><TNRef RefId="0"/><MS><S N="x_x0020_y">z</S></MS></Obj></MS></Obj>'
    )

    found = QuickSerializer().deserialize(text)

    assert found.extended_properties["Self"] is found
    assert found.extended_properties["Other"].types == ["A"]
    assert properties(found, ("other",)) == {"other": {"x y": "z"}}
