"""What plays teach, case by case: all that use the definition in backend/domain/plays.py are held to this table."""

from collections.abc import Sequence
from dataclasses import dataclass

from backend.domain.plays import Lesson


@dataclass(frozen=True, slots=True, kw_only=True)
class LessonCase:
    """A play by its two lengths in milliseconds, and what it teaches."""

    name: str
    heard: int
    length: int
    teaches: Lesson


def _case(name: str, heard: int, length: int, teaches: Lesson) -> LessonCase:
    return LessonCase(name=name, heard=heard, length=length, teaches=teaches)


LESSON_CASES: Sequence[LessonCase] = (
    _case("interlude", 24_500, 25_000, Lesson.POSITIVE),
    _case("left-early", 29_000, 200_000, Lesson.SKIP),
    _case("just-before-30-s", 29_999, 200_000, Lesson.SKIP),
    _case("just-30-s", 30_000, 200_000, Lesson.POSITIVE),
    _case("not-begun", 0, 200_000, Lesson.SKIP),
    _case("heard-whole", 200_000, 200_000, Lesson.POSITIVE),
    _case("heard-longer-than-it-is", 250_000, 200_000, Lesson.POSITIVE),
    _case("short-left-before-half", 12_499, 25_000, Lesson.SKIP),
    _case("short-left-at-half", 12_500, 25_000, Lesson.POSITIVE),
    _case("short-heard-whole", 20_000, 20_000, Lesson.POSITIVE),
    _case("short-heard-longer-than-it-is", 20_100, 20_000, Lesson.POSITIVE),
    _case("short-not-begun", 0, 20_000, Lesson.SKIP),
    _case("middling-left-before-half", 22_000, 45_000, Lesson.SKIP),
    _case("middling-left-after-half", 23_000, 45_000, Lesson.POSITIVE),
    _case("minute-left-before-half", 29_999, 60_000, Lesson.SKIP),
    _case("minute-left-at-half", 30_000, 60_000, Lesson.POSITIVE),
    _case("one-millisecond-of-one", 1, 1, Lesson.POSITIVE),
    _case("not-begun-of-one", 0, 1, Lesson.SKIP),
    _case("a-day-heard", 86_400_000, 200_000, Lesson.POSITIVE),
    _case("longest-left-early", 5_000, 999_999_999, Lesson.SKIP),
    _case("longest-heard-whole", 999_999_999, 999_999_999, Lesson.POSITIVE),
    _case("unknown-length", 0, 0, Lesson.SILENT),
    _case("unknown-length-under-30-s", 29_999, 0, Lesson.SILENT),
    _case("unknown-length-just-30-s", 30_000, 0, Lesson.POSITIVE),
    _case("unknown-length-heard-long", 180_000, 0, Lesson.POSITIVE),
)
