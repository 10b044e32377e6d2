"""How tests look at a page: its structure, names, contrast and width, and what axe-core finds."""

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

NAMELESS = """() => [...document.querySelectorAll(
    "a, button, input:not([type=file]), select, textarea, svg[role=img], [role]")]
  .filter((e) => e.offsetParent !== null || e.tagName === "svg")
  .filter((e) => {
    const labelled = (e.getAttribute("aria-labelledby") ?? "").split(" ")
      .map((id) => document.getElementById(id)?.textContent ?? "");
    const label = e.id ? document.querySelector(`label[for="${e.id}"]`)?.textContent : "";
    return ["status", "alert"].includes(e.getAttribute("role")) ? false
      : !(e.textContent + labelled.join("") + (label ?? "") + (e.getAttribute("aria-label") ?? "")
        + [...e.querySelectorAll("[aria-label]")].map((one) => one.getAttribute("aria-label")).join("")).trim();
  }).map((e) => e.outerHTML.slice(0, 80))"""

STRUCTURE = """() => ({
  language: document.documentElement.lang, title: document.title, mains: document.querySelectorAll("main").length,
  headings: [...document.querySelectorAll("h1, h2, h3")].filter((e) => e.offsetParent).map((e) => Number(e.tagName[1])),
  twice: [...document.querySelectorAll("[id]")].map((e) => e.id).filter((id, i, all) => all.indexOf(id) !== i),
  cells: [...document.querySelectorAll("thead th")].every((e) => e.scope === "col"),
})"""


# The contrast of each piece of visible text with the nearest background behind it, after WCAG 2.
FAINT = """() => {
  const parts = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const luminance = ([r, g, b]) => [r, g, b].map((v) => v / 255)
    .map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (e) => { for (; e; e = e.parentElement) { const c = parts(getComputedStyle(e).backgroundColor);
    if (c.length === 3 || c[3] > 0) return c; } return [255, 255, 255]; };
  const faint = [];
  for (const e of document.querySelectorAll("body *")) {
    const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    const box = e.getBoundingClientRect();
    if (!own || box.width < 2 || box.right < 0 || getComputedStyle(e).visibility === "hidden") continue;
    const style = getComputedStyle(e);
    const ink = parts(e instanceof SVGElement ? style.fill : style.color);
    const [a, b] = [luminance(ink), luminance(behind(e))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) faint.push(`${ratio.toFixed(2)} ${e.outerHTML.slice(0, 90)}`);
  }
  return faint;
}"""

SIDEWAYS = "document.documentElement.scrollWidth - window.innerWidth"


def violations(page: Page) -> list[tuple[str, str]]:
    """What axe-core finds, by rule, with the first element that breaks it."""
    found = Axe().run(page).response["violations"]
    return [(one["id"], one["nodes"][0]["html"][:120]) for one in found]


def seen_at_all_widths(page: Page, *, axe: bool = True) -> list[object]:
    """What is wrong at the widths of phones, tablets and screens."""
    wrong: list[object] = []
    for width in (320, 360, 390, 1024, 1440):
        page.set_viewport_size({"width": width, "height": 900})
        if page.evaluate(SIDEWAYS) > 0:
            wrong.append(f"{width}: sticks out sideways by {page.evaluate(SIDEWAYS)}")
        if axe and width in (390, 1024, 1440):
            wrong += [(width, *one) for one in violations(page)]
    return wrong
