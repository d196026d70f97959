# SPDX-License-Identifier: Apache-2.0
"""Render every hosted page with sample contexts, photograph it and check what a machine can check.

Usage: python scripts/preview_pages.py OUTPUT_DIR [page ...]

Writes OUTPUT_DIR/<page>-{light,dark,phone}.png, and readme-<page>.png for the two pages that the README shows. Exit status 1 when a page breaks the content security policy, asks for
anything outside its own origin, scrolls sideways, or has a target too small, a contrast too low or a control without a name.
"""

import shutil
import sys
import tempfile
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from playwright.sync_api import Browser, sync_playwright
from preview_samples import CSRF, PAGES

WEB = Path(__file__).resolve().parent.parent / "src" / "vestibule" / "web"
CSP = "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
MAILBOX_CSP = CSP.replace("frame-ancestors", "frame-src 'self'; frame-ancestors")
README = {"invitation-near": {"x": 0, "y": 0, "width": 1200, "height": 975}, "settings": {"x": 0, "y": 0, "width": 1200, "height": 1188}}
LOOKS: dict[str, dict[str, Any]] = {
    "light": {"viewport": {"width": 1200, "height": 800}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1200, "height": 800}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 844}, "color_scheme": "light", "device_scale_factor": 2, "has_touch": True},
}

# Runs in the page through the debugger, which the policy does not bind. Colours are resolved by painting one pixel.
AUDIT = """() => {
  const faults = [];
  const canvas = document.createElement('canvas'); canvas.width = canvas.height = 1;
  const pen = canvas.getContext('2d', {willReadFrequently: true});
  const rgba = c => { pen.clearRect(0, 0, 1, 1); pen.fillStyle = c; pen.fillRect(0, 0, 1, 1);
    return [...pen.getImageData(0, 0, 1, 1).data]; };
  const lum = c => { const [r, g, b] = c.slice(0, 3).map(v => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const ground = el => { for (; el; el = el.parentElement) { const c = rgba(getComputedStyle(el).backgroundColor); if (c[3] === 255) return c; }
    return [255, 255, 255, 255]; };
  const shown = el => el.getClientRects().length && !el.closest('.vh, .skip');
  for (const el of document.body.querySelectorAll('*')) {
    if (!shown(el)) continue;
    const words = [...el.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
    if (words) {
      const style = getComputedStyle(el), a = lum(rgba(style.color)), b = lum(ground(el));
      const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
      if (ratio < 4.5) faults.push(`contrast ${ratio.toFixed(2)}: ${el.tagName}.${el.className} ${el.textContent.trim().slice(0, 40)}`);
    }
    if (el.matches('.btn, .input:not(textarea), .tabs a, .choice') && el.getBoundingClientRect().height < 43.5)
      faults.push(`target ${el.getBoundingClientRect().height}: ${el.textContent.trim().slice(0, 40)}`);
    if (el.matches('input:not([type=hidden]), select, textarea') && !el.labels.length) faults.push(`no label: ${el.name}`);
    if (el.matches('button, a') && !el.textContent.trim()) faults.push('no name: ' + el.outerHTML.slice(0, 60));
  }
  const ids = [...document.querySelectorAll('[id]')].map(e => e.id);
  for (const id of ids.filter((v, i) => ids.indexOf(v) !== i)) faults.push('id twice: ' + id);
  for (const el of document.querySelectorAll('[aria-describedby], [aria-labelledby]'))
    for (const id of ((el.getAttribute('aria-describedby') || '') + ' ' + (el.getAttribute('aria-labelledby') || '')).trim().split(/ +/))
      if (!document.getElementById(id)) faults.push('names nothing: ' + id);
  const levels = [...document.querySelectorAll('h1, h2, h3, h4')].map(h => +h.tagName[1]);
  if (levels.filter(l => l === 1).length !== 1) faults.push('h1 count');
  levels.forEach((l, i) => { if (i && l > levels[i - 1] + 1) faults.push('heading skips to h' + l); });
  for (const f of document.querySelectorAll('form')) if (!f.querySelector('input[name=csrf]') || f.method !== 'post') faults.push('form ' + f.action);
  if (document.querySelector('script, style, [style], b, i')) faults.push('foreign markup');
  if (document.documentElement.scrollWidth > innerWidth) faults.push('scrolls sideways: ' + document.documentElement.scrollWidth);
  return faults;
}"""


class _Handler(SimpleHTTPRequestHandler):
    def end_headers(self) -> None:
        self.send_header("Content-Security-Policy", MAILBOX_CSP if "mailbox" in self.path else CSP if "mail.html" not in self.path else "")
        self.send_header("Referrer-Policy", "no-referrer")
        super().end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        pass


def render_pages(into: Path, names: list[str]) -> None:
    """Write the named pages and the static files below *into*."""
    environment = Environment(
        loader=FileSystemLoader(WEB / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    shutil.copytree(WEB / "static", into / "static")
    (into / "mail.html").write_text("<!doctype html><p>Hello, this is the mail.</p>", encoding="utf-8")
    for name in names:
        template, context = PAGES[name]
        page = environment.get_template(template).render(context | {"csrf": CSRF})
        (into / f"{name}.html").write_text(page, encoding="utf-8")


def photograph(browser: Browser, base: str, names: list[str], output: Path) -> list[str]:
    """Photograph each page in each look; return what is wrong."""
    faults = []
    for look, options in LOOKS.items():
        context = browser.new_context(**options)
        page = context.new_page()
        seen: list[str] = []
        page.on("console", lambda message, seen=seen: seen.append("console: " + message.text))
        page.on("request", lambda request, seen=seen: None if request.url.startswith(base) else seen.append("asks " + request.url))
        for name in names:
            seen.clear()
            page.goto(f"{base}/{name}.html", wait_until="networkidle")
            seen += page.evaluate(AUDIT)
            faults += [f"{name} ({look}): {fault}" for fault in seen]
            page.screenshot(path=output / f"{name}-{look}.png", full_page=True)
            if look == "light" and name in README:
                page.screenshot(path=output / f"readme-{name}.png", full_page=True, clip=README[name])
        context.close()
    return faults


def main() -> int:
    output, names = Path(sys.argv[1]), sys.argv[2:] or list(PAGES)
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        render_pages(Path(folder), names)
        server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, directory=folder))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"])
        faults = photograph(browser, f"http://127.0.0.1:{server.server_port}", names, output)
        browser.close()
        server.shutdown()
    print("\n".join(faults) or f"{len(names)} pages in {len(LOOKS)} looks: nothing wrong found")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
