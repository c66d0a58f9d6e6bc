"""Plays PingArena in two tabs of headless Chromium, cuts one, and lets axe look at the page.

Arguments: the address of the server, the browser. Prints findings; exit status 1 when there is one.
"""

import re
import sys

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect, sync_playwright

url, browser_path = sys.argv[1], sys.argv[2]
PATIENCE = 30_000
found: list[str] = []


def finding(text: str) -> None:
    found.append(text)
    print("FAILED:", text)


def tab(context, name: str):
    """Opens the arena as a player of this name."""
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.on("pageerror", lambda error: finding(f"{name}: {error}"))

    def said(message) -> None:
        if message.type in ("error", "warning") and "WebSocket" not in message.text:
            finding(f"{name} said: {message.text}")

    page.on("console", said)
    page.add_init_script(f"sessionStorage.getItem('arena.name') || sessionStorage.setItem('arena.name', '{name}')")
    page.goto(url)
    expect(page.locator("#state")).to_have_attribute("data-state", "open", timeout=PATIENCE)
    return page


def say(page, text: str) -> None:
    page.fill("#text", text)
    page.press("#text", "Enter")


def look(page, where: str) -> None:
    """What axe finds is a finding of ours, with the place."""
    results = Axe().run(page)
    for violation in results.response["violations"]:
        places = "; ".join(str(node["target"]) for node in violation["nodes"])
        finding(f"axe, {where}: {violation['id']}: {violation['help']}: {places}")


def play(context, mark: str) -> None:
    one, two = tab(context, "Ann"), tab(context, "Bob")
    for page, other in ((one, "Bob"), (two, "Ann")):
        expect(page.locator("#players")).to_contain_text(other, timeout=PATIENCE)
    # Chat crosses, and the one who comes later gets what was said before.
    say(one, f"hello from Ann ({mark})")
    for page in (one, two):
        expect(page.locator("#lines")).to_contain_text(f"hello from Ann ({mark})", timeout=PATIENCE)
    # Cursors cross: a player who moves is drawn elsewhere, at about 20 updates a second.
    box = one.locator("#field").bounding_box()
    for step in range(60):
        one.mouse.move(box["x"] + 40 + 4 * step, box["y"] + 60 + 2 * step)
        one.wait_for_timeout(25)
    expect(two.locator("#rate")).not_to_have_text("0 / s", timeout=PATIENCE)
    # Without a pointer.
    two.focus("#field")
    two.keyboard.press("ArrowRight")
    two.keyboard.press("Enter")
    expect(one.locator("#trip")).to_have_text(re.compile(r"\d"), timeout=PATIENCE)
    # Cut: what is said meanwhile arrives once, after the session has been resumed.
    two.click("#cut")
    expect(two.locator("#state")).to_have_attribute("data-state", "lost", timeout=PATIENCE)
    look(two, "while cut")
    say(one, f"did you miss this? ({mark})")
    expect(two.locator("#state")).to_contain_text("same session", timeout=PATIENCE)
    missed = two.locator("#lines li:not(.note)", has_text=f"did you miss this? ({mark})")
    expect(missed).to_have_count(1, timeout=PATIENCE)
    say(two, f"not a word ({mark})")
    expect(one.locator("#lines")).to_contain_text(f"not a word ({mark})", timeout=PATIENCE)
    look(one, "in play")
    # A third who comes late sees what was said.
    three = tab(context, "Cy")
    expect(three.locator("#lines")).to_contain_text(f"not a word ({mark})", timeout=PATIENCE)
    three.close()
    expect(one.locator("#players")).not_to_contain_text("Cy", timeout=PATIENCE)


with sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
    for scheme, width, height in (("dark", 1280, 800), ("light", 390, 844)):
        context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": height})
        play(context, scheme)
        context.close()
    browser.close()

print("arena: two tabs, a cut and axe, dark and light:", "no finding" if not found else f"{len(found)} findings")
sys.exit(1 if found else 0)
