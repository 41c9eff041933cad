"""Text that is shown: what the contract refuses at the door, and what no terminal is given."""

import json
import re
from collections.abc import Iterator
from datetime import date

import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from segue.v1 import catalogue_pb2, play_pb2

from backend.rpc.contract import violations_of
from backend.visible import visible
from cli.output import Output

OBEYED = ["\x00", "\t", "\n", "\r", "\x1b", "\x7f", "\x85", "\x9b", "\u2028", "\u2029", "\u202e", "\u2066", "\u2069"]
ESCAPES = "Dos\x1b]0;owned\x07\x1b[31m red"
"""A title that names the terminal's window and paints the rest red."""


def track(**fields: object) -> catalogue_pb2.Track:
    """A track that breaks no rule but those that `fields` break."""
    return catalogue_pb2.Track(**{"track_id": "t", "title": "T", "artist_ids": ["a"]} | fields)


MESSAGES = (
    track(),
    catalogue_pb2.Artist(artist_id="a", name="A"),
    play_pb2.PlayContext(),
)


def texts(message: Message) -> Iterator[FieldDescriptor]:
    """The fields in which anything may be said: no ids, no dates."""
    for field in message.DESCRIPTOR.fields:
        if field.type == FieldDescriptor.TYPE_STRING and not field.name.endswith(("_id", "_ids", "released_on")):
            yield field


TEXTS = [(message, field) for message in MESSAGES for field in texts(message)]


def said(message: Message, field: FieldDescriptor, text: str) -> Message:
    """A copy of the message that says this text."""
    copy = type(message)()
    copy.CopyFrom(message)
    copy.ClearField(field.name)
    if field.is_repeated:
        getattr(copy, field.name).append(text)
    else:
        setattr(copy, field.name, text)
    return copy


@pytest.mark.parametrize(("message", "field"), TEXTS, ids=lambda one: getattr(one, "full_name", ""))
def test_every_text_of_the_catalogue_and_of_plays_is_plain(message: Message, field: FieldDescriptor) -> None:
    """What a terminal obeys and what turns the reading direction is refused, wherever it stands; languages are not."""
    for character in OBEYED:
        for text in (character + "a", f"a{character}b", "a" + character):
            (violation,) = violations_of(said(message, field, text))
            assert "control characters" in violation.description, repr(text)
            assert violation.field.startswith(field.name)
    for text in ("Jóga 🎧", "שלום\u200f", "नमस्\u200dते", "雪 の\u3000花", "a\u00a0b", "👩\u200d🎤"):
        assert () == violations_of(said(message, field, text)), repr(text)


def test_all_fields_with_text_are_tried() -> None:
    """The walk over the contract finds them."""
    assert {"title", "album", "tags", "name", "surface", "device"} == {field.name for _, field in TEXTS}


def test_days_that_no_calendar_has_are_refused() -> None:
    """Every day of some years, common, leap and at the ends, and days around them, as Python's calendar knows them."""
    for year in (1, 4, 100, 400, 1900, 1999, 2000, 2023, 2024, 9999):
        for month in range(14):
            for day in range(33):
                text = f"{year:04}-{month:02}-{day:02}"
                assert is_day(text) == (() == violations_of(track(released_on=text))), text


def is_day(text: str) -> bool:
    """Whether Python has such a day."""
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize(
    "text", ["9999-99-99", "0000", "0000-01", "1999-13", "1999-00", "99", "1999-1", "1999-12-", "x"]
)
def test_a_release_that_is_no_date_names_its_field(text: str) -> None:
    """Also where only year or month are said."""
    assert ["released_on"] == [violation.field for violation in violations_of(track(released_on=text))]


@pytest.mark.parametrize("text", ["", "1999", "1999-12", "0001", "9999-12-31"])
def test_a_release_is_as_precise_as_it_is_known(text: str) -> None:
    """A year, a month, a day, or nothing."""
    assert () == violations_of(track(released_on=text))


def test_what_a_terminal_obeys_is_written_out() -> None:
    """Line ends stay, as what is said may have lines; all else can be read and changes nothing."""
    assert r"Dos\x1b]0;owned\x07\x1b[31m red" == visible(ESCAPES)
    assert "a\nb\tc Jóga" == visible("a\nb\tc Jóga")
    assert r"\x9b\u202e\x7f\x0d" == visible("\x9b\u202e\x7f\r")


def test_no_escape_reaches_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever a command says: lines, warnings, errors, steps, bars, tables."""
    output = Output(as_json=False)
    evil = ESCAPES + "\x9b31m\u202e\r\x00"
    output.say(evil)
    output.warn(evil)
    output.done(evil, 1.0)
    output.error(evil, kind="Evil")
    output.table(evil, [evil], [[evil]])
    with output.step(evil, evil), output.bar(evil, 1):
        pass
    shown = "".join(capsys.readouterr())
    assert 8 <= shown.count("owned")
    assert [] == re.findall("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]", shown)


def test_json_holds_the_text_and_no_escape(capsys: pytest.CaptureFixture[str]) -> None:
    """It may be shown on a terminal as well, and reads back as it was."""
    evil = "\x1b\x7f\x9b31m\u202e Jóga"
    Output(as_json=True).result({"title": evil})
    shown = capsys.readouterr().out
    assert {"title": evil} == json.loads(shown)
    assert [] == re.findall("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", shown)
    assert "Jóga" in shown
