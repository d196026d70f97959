# SPDX-License-Identifier: Apache-2.0
"""Render every hosted page with sample contexts, photograph it and check what a machine can check.

Usage: python scripts/preview_pages.py OUTPUT_DIR [page ...]

Writes OUTPUT_DIR/<page>-{light,dark,phone}.png, and readme-<page>.png for the two that the README shows.
Exit status 1 when a page breaks the content security policy, asks for anything outside its own origin,
scrolls sideways, or has a target too small, a contrast too low or a control without a name.
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
from playwright.sync_api import Browser, ConsoleMessage, FloatRect, Request, sync_playwright

from preview_samples import PAGES

WEB = Path(__file__).resolve().parent.parent / "src" / "vestibule" / "web"
CSP = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'"
)
MAILBOX_CSP = CSP.replace("frame-ancestors", "frame-src 'self'; frame-ancestors")
README: dict[str, FloatRect] = {
    "invitation-near": {"x": 0, "y": 0, "width": 1200, "height": 975},
    "settings": {"x": 0, "y": 0, "width": 1200, "height": 1109},
}
LOOKS: dict[str, dict[str, Any]] = {
    "light": {"viewport": {"width": 1200, "height": 800}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1200, "height": 800}, "color_scheme": "dark"},
    "phone": {
        "viewport": {"width": 390, "height": 844},
        "color_scheme": "light",
        "device_scale_factor": 2,
        "has_touch": True,
    },
}

AUDIT = (Path(__file__).parent / "preview_audit.js").read_text(encoding="utf-8")


class _Handler(SimpleHTTPRequestHandler):
    def end_headers(self) -> None:
        self.send_header(
            "Content-Security-Policy",
            MAILBOX_CSP if "mailbox" in self.path else CSP if "mail.html" not in self.path else "",
        )
        self.send_header("Referrer-Policy", "no-referrer")
        super().end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the base class
        pass


def render_pages(into: Path, names: list[str]) -> None:
    """Write the named pages and the static files below *into*."""
    environment = Environment(
        loader=FileSystemLoader(WEB / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    shutil.copytree(WEB / "static", into / "static")
    (into / "mail.html").write_text("<!doctype html><p>Hello, this is the mail.</p>", encoding="utf-8")
    for name in names:
        template, context = PAGES[name]
        page = environment.get_template(template).render(context)
        (into / f"{name}.html").write_text(page, encoding="utf-8")


def _note_console(seen: list[str], message: ConsoleMessage) -> None:
    seen.append("console: " + message.text)


def _note_request(seen: list[str], base: str, request: Request) -> None:
    if not request.url.startswith(base):
        seen.append("asks " + request.url)


def photograph(browser: Browser, base: str, names: list[str], output: Path) -> list[str]:
    """Photograph each page in each look; return what is wrong."""
    faults = []
    for look, options in LOOKS.items():
        context = browser.new_context(**options)
        page = context.new_page()
        seen: list[str] = []
        page.on("console", partial(_note_console, seen))
        page.on("request", partial(_note_request, seen, base))
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
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        print(__doc__)
        return 2
    output, names = Path(sys.argv[1]), sys.argv[2:] or list(PAGES)
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        render_pages(Path(folder), names)
        server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, directory=folder))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        faults = photograph(browser, f"http://127.0.0.1:{server.server_port}", names, output)
        browser.close()
        server.shutdown()
    print("\n".join(faults) or f"{len(names)} pages in {len(LOOKS)} looks: nothing wrong found")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
