"""The page in a browser: it loads from disk and asks for nothing, its tables sort, it fits a phone.

`COMPRESSOR_SCREENSHOTS` names a folder that keeps a picture of a desktop and of a phone.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from at_hand import needs_tools

from compressor.report import page, schema

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ElementHandle, Page

CHROMIUM = shutil.which("chromium")
pytestmark = needs_tools(CHROMIUM is not None, "chromium is not installed")

_QUIET = ("background-networking", "component-update", "sync", "quic", "gpu")
ARGUMENTS = ["--no-sandbox", "--no-first-run", *(f"--disable-{name}" for name in _QUIET)]
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 360, "height": 780}
_NAMES = ("full", "two_networks")
# Elements that stick out of the window, and that no box around them scrolls or cuts.
_TOO_WIDE = """() => [...document.querySelectorAll("body *")].filter((each) => {
  if (each.getBoundingClientRect().right <= innerWidth + 0.5) return false;
  for (let box = each.parentElement; box; box = box.parentElement)
    if (getComputedStyle(box).overflowX !== "visible" && box !== document.body) return false;
  return true;
}).map((each) => each.outerHTML.slice(0, 120))"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    assert CHROMIUM is not None
    with sync_playwright() as started:
        opened = started.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    golden = Path(__file__).resolve().parents[1] / "golden"
    for name in _NAMES:
        page.write(schema.read(golden / f"{name}.json"), folder / f"{name}.html")
    return {name: folder / f"{name}.html" for name in _NAMES}


@pytest.fixture
def shown(browser: Browser, pages: dict[str, Path]) -> Iterator[Page]:
    """The full report on a desktop; whatever the browser complains of fails the test."""
    view = browser.new_page(viewport=DESKTOP, color_scheme="light")
    told: list[str] = []
    asked: list[str] = []
    view.on("console", lambda message: told.append(message.text))
    view.on("pageerror", lambda error: told.append(str(error)))
    view.on("request", lambda request: asked.append(request.url))
    view.goto(pages["full"].as_uri())
    yield view
    view.close()
    assert told == []
    assert [each for each in asked if not each.startswith("data:")] == [pages["full"].as_uri()]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where pictures are kept."""
    folder = Path(os.environ.get("COMPRESSOR_SCREENSHOTS") or tmp_path_factory.mktemp("pictures"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def column(view: Page, number: int) -> list[str]:
    return view.locator(f"#artifacts tbody tr > *:nth-child({number})").all_inner_texts()


def head(view: Page, title: str) -> ElementHandle:
    return view.locator(f"#artifacts thead button:text-is('{title}')").element_handle()


def test_the_verdict_and_every_row_are_on_the_page(shown: Page) -> None:
    assert shown.locator("h1").inner_text().endswith("Not passed")
    assert shown.locator("#artifacts tbody tr").count() == 13
    assert all(each.is_visible() for each in shown.locator("#artifacts tbody tr").all())
    assert all(each.evaluate("each => each.naturalWidth") == 8 for each in shown.locator(".samples img").all())


def test_a_click_sorts_by_number_and_another_turns_the_order_round(shown: Page) -> None:
    before = column(shown, 8)
    for order in ("ascending", "descending"):
        head(shown, "KB").click()
        kilobytes = [float(each) for each in column(shown, 8)]
        assert kilobytes == sorted(kilobytes, reverse=order == "descending")
        assert shown.locator(f"#artifacts th[aria-sort={order}]").inner_text().startswith("KB")
    assert column(shown, 8) != before
    head(shown, "p50 ms").click()
    assert column(shown, 10)[-3:] == ["–"] * 3
    head(shown, "p50 ms").click()
    assert column(shown, 10)[-3:] == ["–"] * 3
    assert float(column(shown, 10)[0]) == max(float(each) for each in column(shown, 10)[:-3])


@pytest.mark.parametrize("key", ["Enter", "Space"])
def test_a_key_sorts_by_words(key: str, shown: Page) -> None:
    head(shown, "target").focus()
    shown.keyboard.press(key)
    targets = column(shown, 2)
    assert targets == sorted(targets)
    assert targets[0] == "coral"


def test_dark_and_light_turn_round_by_keyboard(shown: Page) -> None:
    def ground() -> str:
        return str(shown.evaluate("getComputedStyle(document.body).backgroundColor"))

    light = ground()
    shown.locator("#theme").focus()
    shown.keyboard.press("Enter")
    assert shown.locator("#theme").get_attribute("aria-pressed") == "true"
    assert ground() != light
    shown.keyboard.press("Space")
    assert ground() == light


def test_the_first_tab_leads_to_the_verdict(shown: Page) -> None:
    shown.keyboard.press("Tab")
    assert shown.evaluate("document.activeElement.className") == "skip"
    assert shown.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_a_link_unfolds_its_section(shown: Page) -> None:
    assert not shown.locator("#memory table").is_visible()
    shown.locator("nav a[href='#memory']").click()
    shown.locator("#memory table").wait_for(state="visible", timeout=5000)


@pytest.mark.parametrize("name", _NAMES)
def test_nothing_is_wider_than_a_phone(name: str, browser: Browser, pages: dict[str, Path], pictures: Path) -> None:
    view = browser.new_page(viewport=PHONE, color_scheme="dark", device_scale_factor=2)
    view.goto(pages[name].as_uri())
    view.screenshot(path=pictures / f"{name}_phone.png", full_page=True)
    view.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true })")
    assert view.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
    assert view.evaluate(_TOO_WIDE) == []
    view.close()


def test_a_picture_of_a_desktop_is_kept(shown: Page, pictures: Path) -> None:
    shown.screenshot(path=pictures / "full_desktop.png", full_page=True)
    assert (pictures / "full_desktop.png").stat().st_size > 10_000


# WCAG 2.1, success criterion 1.4.3: contrast of text, computed in the page from what is drawn.
_CONTRAST = """() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgb = (name) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = name;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const light = (parts) => parts.map((part) => part / 255)
    .map((part) => (part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
    .reduce((sum, part, at) => sum + part * [0.2126, 0.7152, 0.0722][at], 0);
  const ground = (each) => {
    const colour = getComputedStyle(each).backgroundColor;
    return colour === "rgba(0, 0, 0, 0)" && each.parentElement ? ground(each.parentElement) : rgb(colour);
  };
  const texts = document.querySelectorAll("p, li, td, th, dd, dt, h1, h2, h3, small, .badge, .number, a, button");
  return [...texts].map((each) => {
    const [one, other] = [light(rgb(getComputedStyle(each).color)), light(ground(each))].sort((a, b) => b - a);
    return [(one + 0.05) / (other + 0.05), each.outerHTML.slice(0, 100)];
  }).filter(([ratio]) => ratio < 4.5);
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(scheme: str, shown: Page) -> None:
    shown.evaluate(f"document.documentElement.dataset.theme = '{scheme}'")
    assert shown.evaluate(_CONTRAST) == []
