"""A real Chromium for tests, driven over WebDriver: JSON over HTTP to the chromedriver that belongs to it.

The protocol's few commands that tests need are spoken here directly, because a library for them brings a dozen packages. What a person does
(a tap, a key) goes through the driver's input actions and so through the browser's own event handling; scripts only look.
"""

import base64
import contextlib
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx

from tests.support.stand import end, free_port

START_S = 20.0
COMMAND_S = 20.0
PATIENCE_S = 8.0  # for a page on a loaded machine to show what it was told
PAUSE_S = 0.02
_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # the name the standard gives a reference to an element

TAB, ENTER, SPACE, SHIFT = "\ue004", "\ue007", " ", "\ue008"

Found = TypeVar("Found")


class Browser:
    """``with Browser() as browser``: one window. Only loopback and these ``hosts`` can be reached from it."""

    def __init__(self, *hosts: str) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="browser-"))
        self._arguments = [
            "--headless=new",
            "--no-sandbox",  # the tests' user may be root, who cannot have it
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            "--disable-component-update",
            "--no-first-run",
            "--window-size=1000,800",
            f"--host-resolver-rules={', '.join(['MAP * ~NOTFOUND', *(f'EXCLUDE {host}' for host in ('127.0.0.1', *hosts))])}",
            f"--user-data-dir={self._folder / 'profile'}",
        ]
        self._driver: subprocess.Popen[bytes] | None = None
        self._client = httpx.Client(trust_env=False, timeout=COMMAND_S)
        self._session = ""

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._close()

    # --- looking ---

    def open(self, url: str) -> None:
        self.command("POST", "/url", {"url": url})

    def run(self, script: str, *arguments: object) -> Any:
        """The value of a function body in the page."""
        return self.command("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def wait(self, look: Callable[[], Found], what: str) -> Found:
        """What ``look`` gives as soon as it is something. Fails with a picture of words: what the page says."""
        until = time.monotonic() + PATIENCE_S
        while True:
            found = look()
            if found:
                return found
            if time.monotonic() > until:
                raise AssertionError(f"not seen: {what}; the page says:\n{self.text()}")
            time.sleep(PAUSE_S)

    def text(self, selector: str = "body") -> str:
        """What a person reads there; empty if there is no such element."""
        return str(self.run("return document.querySelector(arguments[0])?.innerText ?? ''", selector))

    def sees(self, selector: str, *words: str) -> None:
        """Wait until all these words stand there."""
        self.wait(lambda: all(word in self.text(selector) for word in words), f"{words} in {selector}")

    def is_gone(self, selector: str) -> None:
        self.wait(lambda: not self.count(selector), f"no {selector}")

    def count(self, selector: str) -> int:
        return int(self.run("return document.querySelectorAll(arguments[0]).length", selector))

    # --- acting ---

    def tap(self, selector: str) -> None:
        """What a finger or a mouse does, in the middle of the element: it must be in sight and not covered."""
        element = self.wait(lambda: self.run("return document.querySelector(arguments[0])", selector), selector)
        self.command("POST", f"/element/{element[_ELEMENT]}/click", {})

    def fill(self, selector: str, text: str) -> None:
        """Type into a field in place of what it holds."""
        element = self.run("return document.querySelector(arguments[0])", selector)
        self.command("POST", f"/element/{element[_ELEMENT]}/clear", {})
        self.command("POST", f"/element/{element[_ELEMENT]}/value", {"text": text})

    def choose(self, selector: str, value: str) -> None:
        """An option of a list."""
        self.tap(f'{selector} option[value="{value}"]')

    def press(self, *keys: str, held: str = "") -> None:
        """Keys one after another, to whatever has the focus."""
        strokes = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        if held:
            strokes = [{"type": "keyDown", "value": held}, *strokes, {"type": "keyUp", "value": held}]
        self.command("POST", "/actions", {"actions": [{"type": "key", "id": "keyboard", "actions": strokes}]})

    # --- the browser itself ---

    def devtools(self, name: str, **params: object) -> Any:
        """A command of Chromium's own protocol."""
        return self.command("POST", "/goog/cdp/execute", {"cmd": name, "params": params})

    def phone(self, width: int, height: int) -> None:
        """A touch screen of so many CSS pixels."""
        self.devtools("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=2, mobile=True)
        self.devtools("Emulation.setTouchEmulationEnabled", enabled=True)

    def prefers(self, scheme: str) -> None:
        """``light`` or ``dark``."""
        self.devtools("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def complaints(self) -> list[str]:
        """What the console says since the last look."""
        return [f"{entry['level']}: {entry['message']}" for entry in self._log("browser")]

    def requested(self) -> list[str]:
        """The URLs asked for since the last look, without those that are the browser's own and need no network."""
        messages = [json.loads(entry["message"])["message"] for entry in self._log("performance")]
        urls = [message["params"]["request"]["url"] for message in messages if message["method"] == "Network.requestWillBeSent"]
        return [url for url in urls if not url.startswith(("chrome:", "data:"))]

    def picture(self) -> bytes:
        """The window as PNG, for a person who wants to see what a test sees."""
        return base64.b64decode(self.command("GET", "/screenshot"))

    def shot(self, element: str) -> bytes:
        """One element as PNG, by the name that the driver gave it."""
        return base64.b64decode(self.command("GET", f"/element/{element}/screenshot"))

    def command(self, method: str, path: str, body: Mapping[str, object] | None = None) -> Any:
        """One WebDriver command of this session. Raises AssertionError with the driver's reason."""
        answer = self._client.request(method, self._session + path, json=body)
        value = answer.json()["value"]
        assert answer.status_code == 200, f"{method} {path}: {value['error']}: {value['message']}"
        return value

    # --- inner workings ---

    def _log(self, kind: str) -> Sequence[Mapping[str, Any]]:
        entries: Sequence[Mapping[str, Any]] = self.command("POST", "/se/log", {"type": kind})
        return entries

    def _start(self) -> None:
        port = free_port()
        environment = {**os.environ, "HOME": str(self._folder), "TMPDIR": str(self._folder)}
        with (self._folder / "driver.log").open("wb") as log:
            command = ["chromedriver", f"--port={port}"]
            self._driver = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment, start_new_session=True
            )
        url = f"http://127.0.0.1:{port}"
        self._wait_for(url)
        wanted = {
            "browserName": "chrome",
            "goog:chromeOptions": {"args": self._arguments},
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
        }
        self._session = url
        session = self.command("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        self._session = f"{url}/session/{session['sessionId']}"

    def _wait_for(self, url: str) -> None:
        until = time.monotonic() + START_S
        while time.monotonic() < until:
            with contextlib.suppress(httpx.TransportError):
                if self._client.get(f"{url}/status").json()["value"]["ready"]:
                    return
            assert self._driver.poll() is None, f"chromedriver ended with {self._driver.returncode}"
            time.sleep(PAUSE_S)
        raise AssertionError("chromedriver does not start")

    def _close(self) -> None:
        if "/session/" in self._session:
            with contextlib.suppress(httpx.TransportError):
                self._client.delete(self._session)
        if self._driver is not None:
            end(self._driver)
        self._client.close()
        shutil.rmtree(self._folder, ignore_errors=True)
