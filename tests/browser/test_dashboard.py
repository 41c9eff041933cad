"""The dashboard in a real browser: the pages open from one another, the live page moves, titles stay text."""

import contextlib
import csv
import io
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from segue.v1 import analytics_pb2

from analytics.dashboard import APP
from tests.analytics_server import SPITEFUL, TOKEN, Content, filled, serving

CHROMIUM = shutil.which("chromium")
ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is missing: apt-get install -y chromium")
playwright = pytest.importorskip("playwright.sync_api", reason="playwright is missing")
playwright.expect.set_options(timeout=30_000)


@pytest.fixture
def content() -> Content:
    """Rows up to this hour, written now."""
    now = datetime.now(UTC)
    content = filled(newest=now.replace(minute=0, second=0, microsecond=0))
    content.as_of = now
    return content


@pytest.fixture
def dashboard(content: Content, tmp_path: Path) -> Iterator[str]:
    """The URL of a dashboard that Streamlit serves from a server with `content`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    with serving(content) as address, (tmp_path / "log").open("w") as log:
        paths = os.pathsep.join((str(ROOT), str(ROOT / "proto")))
        variables = dict(os.environ, SEGUE_SERVER_ADDRESS=address, SEGUE_TOKEN=TOKEN, PYTHONPATH=paths)
        command = [sys.executable, "-m", "streamlit", "run", str(APP), f"--server.port={port}"]
        process = subprocess.Popen(command, env=variables, cwd=tmp_path, stdout=log, stderr=log)
        try:
            _wait_for(url)
            yield url
        finally:
            process.terminate()
            process.wait(20)


@pytest.fixture
def page(dashboard: str) -> Iterator["playwright.Page"]:
    """A browser's page that shows the dashboard."""
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1440, "height": 1200})
        page.set_default_timeout(30_000)
        page.goto(dashboard)
        yield page
        browser.close()


def _wait_for(url: str) -> None:
    for _ in range(120):
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{url}/_stcore/health", timeout=1):
            return
        time.sleep(0.5)
    raise TimeoutError(f"{url} does not answer")


def test_the_live_page_moves_by_itself(page: "playwright.Page", content: Content) -> None:
    """A new row changes a tile within the refresh, without a click."""
    tile = page.get_by_test_id("stMetric").filter(has_text="Anomalies in 24 hours")
    playwright.expect(tile).to_contain_text("3")
    content.anomalies.pop()
    playwright.expect(tile).to_contain_text("2", timeout=15_000)


_CHARTS = {"Artists": 1, "Popular": 1, "Trends": 1, "Anomalies": 2, "Topics": 2, "Listeners": 1, "Health": 0}
"""Pages that need no question, and how many charts each has."""


def test_every_page_opens_and_draws(page: "playwright.Page") -> None:
    """Charts stand on their pages, and no page shows an error."""
    for name, charts in _CHARTS.items():
        page.get_by_role("link", name=name, exact=True).first.click()
        playwright.expect(page.get_by_role("heading", name=name, level=1)).to_be_visible()
        playwright.expect(page.get_by_test_id("stVegaLiteChart")).to_have_count(charts)
        playwright.expect(page.get_by_test_id("stAlert")).to_have_count(0)


def test_a_listener_is_asked_for(page: "playwright.Page") -> None:
    """An id typed and sent brings a table and a chart of reasons."""
    page.get_by_role("link", name="Listener", exact=True).first.click()
    page.get_by_label("Listener id").fill("listener-1")
    page.get_by_role("button", name="Recommend").click()
    playwright.expect(page.get_by_test_id("stDataFrame")).to_be_visible()
    playwright.expect(page.get_by_test_id("stVegaLiteChart")).to_be_visible()


def test_the_table_is_saved_as_csv(page: "playwright.Page", content: Content) -> None:
    """The file holds every row, with titles as they are."""
    page.get_by_role("link", name="Artists").first.click()
    with page.expect_download() as saved:
        page.get_by_role("button", name="Download CSV").click()
    text = Path(saved.value.path()).read_text(encoding="utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == len([row for row in content.engagement if row.span == analytics_pb2.SPAN_HOUR])
    assert SPITEFUL in {row["artist_name"] for row in rows}


def test_a_title_runs_no_script(page: "playwright.Page") -> None:
    """Nothing of a spiteful title becomes part of the page on any of its pages."""
    alerts: list[str] = []
    page.on("dialog", lambda dialog: (alerts.append(dialog.message), dialog.dismiss()))
    for name in ("Artists", "Popular", "Trends", "Anomalies", "Listeners", "Health", "Live"):
        page.get_by_role("link", name=name, exact=True).first.click()
        playwright.expect(page.get_by_test_id("stDataFrame").first).to_be_visible()
    assert alerts == []
    assert 0 == page.locator("script", has_text="alert(1)").count()
