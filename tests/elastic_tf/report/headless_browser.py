"""Pages in a real browser, without a window."""

import html
import json
import pathlib
import re
import shutil
import subprocess
import tempfile

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# Within a page's own clock: long enough for scripts without a network to come to rest.
_PAGE_MILLISECONDS = 2000


def find_browser():
    """Returns the path of a Chromium or Chrome; `None` if there is none."""
    return next(filter(None, map(shutil.which, _NAMES)), None)


def open_page(browser, path):
    """Opens a page and runs its scripts.

    Args:
        browser: str, of `find_browser`.
        path: path of an HTML file.

    Returns:
        The document as it is then, str, and what was written to the console (errors of scripts
        among it), a list of str.
    """
    with tempfile.TemporaryDirectory() as profile:
        command = [
            browser,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--enable-logging=stderr",
            f"--user-data-dir={profile}",
            f"--virtual-time-budget={_PAGE_MILLISECONDS}",
            "--dump-dom",
            path.resolve().as_uri(),
        ]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return done.stdout, re.findall(r"CONSOLE.*", done.stderr)


def probe_page(browser, path, script, width):
    """Opens a page at a width, within another page, and asks it something.

    A window of its own would not be as narrow as a phone.

    Args:
        browser: str, of `find_browser`.
        path: path of an HTML file that needs no other.
        script: str, body of a JavaScript function of the document, `page`; what it returns must be
            JSON.
        width: int, pixels.

    Returns:
        What the script returned; `None` if it failed.
        What was written to the console, a list of str.
    """
    text = json.dumps(path.read_text(encoding="utf-8")).replace("</", "<\\/")
    with tempfile.TemporaryDirectory() as folder:
        frame = pathlib.Path(folder) / "frame.html"
        frame.write_text(
            f"""<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,">
            <iframe id="frame" style="border: 0; width: {width}px; height: 800px"></iframe>
            <script>
            const frame = document.getElementById("frame");
            frame.onload = () => {{
              const answer = ((page) => {{ {script} }})(frame.contentDocument);
              const shown = document.body.appendChild(document.createElement("pre"));
              shown.textContent = JSON.stringify(answer);
            }};
            frame.srcdoc = {text};
            </script>""",
            encoding="utf-8",
        )
        dom, console = open_page(browser, frame)
    found = re.findall("<pre>(.*?)</pre>", dom, re.DOTALL)
    return (json.loads(html.unescape(found[-1])) if found else None), console
