"""Pages in a real browser, without a window."""

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
