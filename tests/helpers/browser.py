"""A real browser for tests: chromium through chromedriver, spoken to over plain HTTP."""

import base64
import contextlib
import json
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)


class Browser:
    """One window."""

    def __init__(self, session: str) -> None:
        self._session = session

    def open(self, page: Path | str) -> None:
        """A file, or an address on this machine: others cannot be reached."""
        self.log("performance")
        address = page if isinstance(page, str) else page.as_uri()
        _call("POST", f"{self._session}/url", {"url": address})

    def run(self, script: str) -> Any:
        """The value that a piece of JavaScript returns."""
        return _call("POST", f"{self._session}/execute/sync", {"script": script, "args": []})

    def log(self, kind: str) -> list[dict[str, Any]]:
        """What the browser noted since the last call: `browser` (console) or `performance`."""
        entries = _call("POST", f"{self._session}/se/log", {"type": kind})
        return [dict(entry) for entry in entries]

    def requests(self) -> list[str]:
        """Addresses that were asked for since the page was opened, but for the browser's own."""
        messages = [json.loads(entry["message"])["message"] for entry in self.log("performance")]
        return [
            message["params"]["request"]["url"]
            for message in messages
            if message["method"] == "Network.requestWillBeSent"
            and not message["params"]["documentURL"].startswith(("chrome:", "chrome-untrusted:"))
        ]

    def wait_for(self, script: str, seconds: float = 60) -> Any:
        """The script's value once it is true."""
        deadline = time.monotonic() + seconds
        while not (value := self.run(script)):
            assert time.monotonic() < deadline, f"it did not come about: {script}"
            time.sleep(0.1)
        return value

    def command(self, name: str, **parameters: Any) -> Any:
        """A command of the DevTools protocol."""
        body = {"cmd": name, "params": parameters}
        return _call("POST", f"{self._session}/goog/cdp/execute", body)

    def screenshot(self, path: Path, width: int, height: int) -> None:
        clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
        image = self.command(
            "Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip
        )
        path.write_bytes(base64.b64decode(image["data"]))


@contextlib.contextmanager
def browser(width: int, height: int, profile: Path) -> Iterator[Browser]:
    """A browser of this size, a telephone under 500 px. Skips where there is none."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if chromium is None or driver is None:
        pytest.skip("needs chromium and chromedriver")
    options: dict[str, Any] = {
        "binary": chromium,
        "args": [*FLAGS, f"--user-data-dir={profile}", f"--window-size={max(width, 500)},{height}"],
    }
    if width < 500:  # no window is that narrow
        metrics = {"width": width, "height": height, "pixelRatio": 2, "touch": True}
        options["mobileEmulation"] = {"deviceMetrics": metrics}
    wanted = {
        "goog:chromeOptions": options,
        "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
    }
    process = subprocess.Popen(
        [driver, "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        base = f"http://127.0.0.1:{_port(process)}"
        body = {"capabilities": {"alwaysMatch": wanted}}
        session = f"{base}/session/{_call('POST', f'{base}/session', body)['sessionId']}"
        try:
            yield Browser(session)
        finally:
            _call("DELETE", session)
    finally:
        process.terminate()
        process.wait(timeout=30)
        assert process.stdout is not None
        process.stdout.close()


def _port(process: "subprocess.Popen[str]") -> int:
    """The port that chromedriver has chosen, as it says."""
    assert process.stdout is not None
    for line in process.stdout:
        if "started successfully on port" in line:
            return int(line.rstrip(".\n").rsplit(" ", 1)[1])
    raise AssertionError("chromedriver did not start")


def _call(method: str, url: str, body: dict[str, Any] | None = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)
    with urllib.request.urlopen(request, timeout=120) as answer:
        return json.load(answer)["value"]
