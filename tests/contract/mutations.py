"""Answers that are damaged by a seed: bits, nodes, numbers, types, ids, texts, and what carries them."""

import random
import re
import struct
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

from tests.front import Reply, Request

_FRAGMENT = struct.Struct(">QQBI")
_STREAM = re.compile(rb"(<(?:\w+:)?Stream\b[^>]*>)([A-Za-z0-9+/=\s]+)(</)")
#: Destination, type, and the ids of pool and pipeline stand before a message's XML. [MS-PSRP] 2.2.1
_HEAD = 40
#: A whole element without elements in it, or an empty one.
_LEAF = re.compile(rb"<(\w+)((?:\s[^<>]*)?)>([^<>]*)</\1>|<\w+(?:\s[^<>]*)?/>")
_OBJECT = re.compile(rb"<(Obj|MS|Props|LST|DCT|En)\b[^<>]*>.*?</\1>", re.DOTALL)
_TEXT = re.compile(rb">([^<>]+)<")
_NUMBER = re.compile(rb"(<(?:I32|I64|By|U32|Db)\b[^<>]*>)([^<>]*)(<)")
_HEX = re.compile(rb"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}")
_TAG = re.compile(rb"<(S|I32|I64|B|G|Obj|LST|DCT|Nil|DT)\b")
_STRANGE = (
    b"_xD800_",
    b"_xDC00_half",
    b"_x0000_",
    b"_x001B_[2J",
    b"_xFFFF_",
    b"_xD83D__xDE00_",
    b"_xZZZZ_",
    "\u202e\u2028".encode(),
    b"\xed\xa0\x80",
    b"\xff",
    b"&#0;",
    b"&lt;script&gt;",
    b"=cmd|' /c calc'!A1",
    b"\n",
)
_NUMBERS = (
    b"",
    b"-1",
    b"99999999999999999999999999",
    b"9" * 5000,
    b"1e400",
    b"NaN",
    b"x",
    b"0x10",
    b"\xd9\xa3",
)


class Mutator:
    """Damages what it is given, now and then.

    Args:
        seed: Of what it does; kept as an attribute.

    Attributes:
        done: The names of what it did.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._chance = random.Random(seed)
        # Much for some, so that they cannot even open a session; little for others, so that they come far.
        self._share = self._chance.choice((0.01, 0.03, 0.1, 0.3))
        self.done: list[str] = []

    def answer(self, request: Request) -> Reply:
        """Answer *request*, strangely now and then."""
        reply = request.real()
        if self._chance.random() >= self._share:
            return reply
        return self._envelope(reply) if self._chance.random() < 0.3 else self._streams(reply)

    def fragment(self, fragment: bytes) -> bytes:
        """Return *fragment*, damaged now and then."""
        return self._fragments(fragment) if self._chance.random() < self._share else fragment

    def _did(self, name: str) -> None:
        self.done.append(name)

    # --- what carries it ------------------------------------------------------------------------------

    def _envelope(self, reply: Reply) -> Reply:
        kind = self._chance.choice(("status", "empty", "page", "xml"))
        self._did(f"envelope {kind}")
        if kind == "status":
            return replace(reply, status=self._chance.choice((200, 204, 302, 400, 401, 404, 500, 503)))
        if kind == "empty":
            return replace(reply, body=b"")
        if kind == "page":
            return replace(reply, body=b"<!DOCTYPE html><html><p>Unavailable")
        return replace(reply, body=self._xml(reply.body))

    def _streams(self, reply: Reply) -> Reply:
        def damaged(found: "re.Match[bytes]") -> bytes:
            data = b64encode(self._fragments(b64decode(found[2])))
            if self._chance.random() < 0.1:
                self._did("base64")
                data = data[:-3] + self._chance.choice((b"", b"*", b"===="))
            return found[1] + data + found[3]

        return replace(reply, body=_STREAM.sub(damaged, reply.body))

    def _fragments(self, data: bytes) -> bytes:
        """Return fragments with one of their messages damaged; their heads tell the new lengths."""
        made = b""
        whole: list[tuple[int, int, int, bytes]] = []
        while len(data) >= _FRAGMENT.size:
            identifier, number, ends, length = _FRAGMENT.unpack_from(data)
            whole.append((identifier, number, ends, data[_FRAGMENT.size : _FRAGMENT.size + length]))
            data = data[_FRAGMENT.size + length :]
        victim = self._chance.randrange(len(whole)) if whole else -1
        for position, (identifier, number, ends, message) in enumerate(whole):
            head, body = (identifier, number, ends), message
            if position == victim:
                head, body = self._message(head, body)
            made += _FRAGMENT.pack(*head, len(body)) + body
        return made + data

    def _message(self, head: tuple[int, int, int], message: bytes) -> tuple[tuple[int, int, int], bytes]:
        identifier, number, ends = head
        if self._chance.random() < 0.1:
            self._did("head of a fragment")
            others = ((identifier + 7, number, ends), (identifier, number + 1, ends), (identifier, number, 0))
            return self._chance.choice(others), message
        if not ends & 1:
            return head, self._xml(message)
        if self._chance.random() < 0.1:
            self._did("head of a message")
            return head, self._flipped(message[:_HEAD]) + message[_HEAD:]
        return head, message[:_HEAD] + self._xml(message[_HEAD:])

    # --- XML ------------------------------------------------------------------------------------------

    def _xml(self, text: bytes) -> bytes:
        ways: tuple[Callable[[bytes], bytes], ...] = (
            self._flipped_text,
            self._without_node,
            self._without_object,
            self._with_node_twice,
            self._strange_text,
            self._strange_number,
            self._other_type,
            self._other_id,
            self._cut,
            self._flipped,
        )
        way = self._chance.choice(ways)
        self._did(way.__name__.strip("_"))
        return way(text)

    def _at(self, pattern: "re.Pattern[bytes]", text: bytes) -> "re.Match[bytes] | None":
        found = list(pattern.finditer(text))
        return self._chance.choice(found) if found else None

    def _flipped(self, text: bytes) -> bytes:
        if not text:
            return text
        at = self._chance.randrange(len(text))
        return text[:at] + bytes([text[at] ^ (1 << self._chance.randrange(8))]) + text[at + 1 :]

    def _flipped_text(self, text: bytes) -> bytes:
        found = self._at(_TEXT, text)
        if found is None:
            return text
        return text[: found.start(1)] + self._flipped(found[1]) + text[found.end(1) :]

    def _without_node(self, text: bytes) -> bytes:
        found = self._at(_LEAF, text)
        return text if found is None else text[: found.start()] + text[found.end() :]

    def _without_object(self, text: bytes) -> bytes:
        found = self._at(_OBJECT, text)
        return text if found is None else text[: found.start()] + text[found.end() :]

    def _with_node_twice(self, text: bytes) -> bytes:
        found = self._at(_LEAF, text)
        return text if found is None else text[: found.end()] + found[0] + text[found.end() :]

    def _strange_text(self, text: bytes) -> bytes:
        found = self._at(_TEXT, text)
        if found is None:
            return text
        at = self._chance.randint(found.start(1), found.end(1))
        return text[:at] + self._chance.choice(_STRANGE) + text[at:]

    def _strange_number(self, text: bytes) -> bytes:
        found = self._at(_NUMBER, text)
        if found is None:
            return text
        return text[: found.start(2)] + self._chance.choice(_NUMBERS) + text[found.end(2) :]

    def _other_type(self, text: bytes) -> bytes:
        found = self._at(_TAG, text)
        if found is None:
            return text
        tag = self._chance.choice((b"S", b"I32", b"B", b"G", b"Obj", b"LST", b"Nil", b"BA", b"Ref", b"Zz"))
        end = text.find(b"</" + found[1] + b">", found.end())
        if end >= 0:
            text = text[: end + 2] + tag + text[end + 2 + len(found[1]) :]
        return text[: found.start(1)] + tag + text[found.end(1) :]

    def _other_id(self, text: bytes) -> bytes:
        found = self._at(_HEX, text)
        if found is None:
            return text
        other = str(UUID(int=self._chance.getrandbits(128)))
        return text[: found.start()] + other.encode() + text[found.end() :]

    def _cut(self, text: bytes) -> bytes:
        return text[: self._chance.randrange(len(text) + 1)]


def replaced(reply: Reply, old: bytes, new: bytes) -> Reply:
    """Return *reply* with *new* for *old* in whatever its messages say."""

    def message(found: "re.Match[bytes]") -> bytes:
        data, made = b64decode(found[2]), b""
        while data:
            *head, length = _FRAGMENT.unpack_from(data)
            text = data[_FRAGMENT.size : _FRAGMENT.size + length].replace(old, new)
            made += _FRAGMENT.pack(*head, len(text)) + text
            data = data[_FRAGMENT.size + length :]
        return found[1] + b64encode(made) + found[3]

    return replace(reply, body=_STREAM.sub(message, reply.body))
