"""The kit of tests/faults sees what it is there to see."""

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

from tests.faults.figures import Figures, Row, told
from tests.faults.ledger import Account, Fate, Ledger
from tests.faults.oracle import Counts, Verdict, compared
from tests.faults.report import report

HOUR = ("a", "hour", datetime(2026, 3, 1, 12, tzinfo=UTC))


def test_a_ledger_tells_what_became_of_everything_sent(tmp_path: Path) -> None:
    """What was confirmed once stays so; what nobody spoke of is unknown, and so is what was only about to be sent."""
    with Ledger(tmp_path / "ledger") as ledger:
        first = ledger.sending(["a", "b", "c"])
        ledger.told({"a": Fate.OK, "b": Fate.FAILED, "c": Fate.UNKNOWN}, "OK", sent_at=first)
        ledger.told({"a": Fate.FAILED, "b": Fate.FAILED}, "OK", sent_at=ledger.sending(["a", "b", "d"]))
        account = ledger.account()
    assert ({"a"}, {"b"}, {"c", "d"}) == (account.ok, account.failed, account.unknown)
    assert {"OK": 2} == account.codes
    assert account.back_after(first) is None
    assert account.back_after(first - 1) is not None


def test_a_line_that_was_cut_off_does_not_count(tmp_path: Path) -> None:
    """The client was killed before its call began."""
    with Ledger(tmp_path / "ledger") as ledger:
        ledger.sending(["a"])
    with (tmp_path / "ledger").open("a") as file:
        file.write('{"at": 1, "sent": ["b"')
    with Ledger(tmp_path / "ledger") as ledger:
        assert {"a"} == ledger.account().sent


def verdict(
    *,
    sent: str = "ab",
    ok: str = "ab",
    logged: str = "ab",
    archive: str = "ab",
    counted: int = 2,
) -> Verdict:
    """Of plays that are one letter each, all of one artist's hour."""
    wanted: Counts = Counter({HOUR: len(set(logged))})
    account = Account(sent=set(sent), ok=set(ok))
    return compared(account, set(logged), in_archive=list(archive), wanted=wanted, found=Counter({HOUR: counted}))


def test_each_thing_that_does_not_fit_is_seen() -> None:
    """Lost, phantom, open, double and uncounted plays, each by itself."""
    assert verdict().is_sound
    assert (1, 0) == ((one := verdict(logged="a", archive="a", counted=1)).lost, one.double)
    assert 1 == verdict(logged="abc", archive="abc", counted=3).phantom
    assert 1 == verdict(ok="a").open
    assert 1 == verdict(archive="aab").double
    assert 1 == verdict(counted=3).double
    assert 1 == verdict(archive="a").uncounted
    assert 1 == verdict(counted=1).uncounted
    assert not (verdict() + verdict(counted=1)).is_sound


def test_the_report_is_made_of_what_was_seen(tmp_path: Path) -> None:
    """Rows in the plan's order, those short of their reach marked, those of the plan that are missing listed."""
    figures = Figures(tmp_path / "rows", test="t", seed=7, at="2026-03-01 12:00", commit="abc")
    held = {"fault": "f", "dose": "d", "reach": "r"}
    figures.add(Row(id="A6/A7", seen="much", held=False, **held))
    figures.add(Row(id="D1", seen="nothing lost", held=True, **held))
    page = report(told(tmp_path / "rows"), machine="two cores")
    lines = page.splitlines()
    assert lines.index("| D1 | f | d | r | nothing lost | yes |") + 1 == lines.index(
        "| A6/A7 | f | d | r | much | **no** |"
    )
    assert "2 rows, 1 of them short" in page
    assert "- 2026-03-01, commit abc, seed 7: A6/A7, D1 from 12:00 to 12:00 UTC" in lines
    not_run = page.partition("## Not run")[2]
    assert "| D2 |" in not_run
    assert not any(f"| {one} |" in not_run for one in ("D1", "A6", "A7"))
