"""Pages in a real browser, without a window."""

import html
import json
import pathlib
import re
import shutil
import subprocess
import tempfile

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_OPTIONS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--dump-dom"),
    # Milliseconds of the page's own clock: scripts without a network come to rest in it.
    "--virtual-time-budget=2000",
)
# A window of its own would not be as narrow as a phone.
_FRAME = """<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,">
<iframe id="frame" style="border: 0; width: {width}px; height: 800px"></iframe>
<script>
const frame = document.getElementById("frame");
frame.onload = () => {{
  const answer = ((page) => {{ {script} }})(frame.contentDocument);
  const shown = document.body.appendChild(document.createElement("pre"));
  shown.textContent = JSON.stringify(answer);
}};
frame.srcdoc = {page};
</script>"""


def find_browser():
    """Returns the path of a Chromium or Chrome; `None` if there is none."""
    return next(filter(None, map(shutil.which, _NAMES)), None)


def probe_page(page, script, width=1280):
    """Opens a page at a width, within another page, and asks it something.

    Args:
        page: str, the HTML of a page that needs nothing else.
        script: str, body of a JavaScript function of the document, `page`; what it returns must be
            JSON.
        width: int, pixels.

    Returns:
        What the script returned; `None` if it failed.
        What was written to the console, errors of scripts among it, a list of str.
    """
    text = json.dumps(page).replace("</", "<\\/")
    with tempfile.TemporaryDirectory() as folder:
        frame = pathlib.Path(folder) / "frame.html"
        content = _FRAME.format(width=width, script=script, page=text)
        frame.write_text(content, encoding="utf-8")
        command = [find_browser(), *_OPTIONS, f"--user-data-dir={folder}/user", frame.as_uri()]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    found = re.findall("<pre>(.*?)</pre>", done.stdout, re.DOTALL)
    console = re.findall(r"CONSOLE.*", done.stderr)
    return (json.loads(html.unescape(found[-1])) if found else None), console
