"""A headless browser as a person has it, driven through chromedriver over plain HTTP."""

import base64
import json
import os
import re
import signal
import urllib.request

from support.processes import Process, wait_for

FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--window-size=1200,700"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"),
)
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"


class Browser:
    """One browser with one page; everything that the page asks of a network is noted."""

    def __init__(self, bench, name: str = "browser") -> None:
        stem = bench.path / name
        self._driver = Process(["chromedriver", "--port=0"], out_stem=stem, env=bench.environment(), cwd=bench.path)
        bench._started.append(self._driver)
        port = wait_for(lambda: re.search(r"successfully on port (\d+)", self._driver.out), "chromedriver")[1]
        self._url = f"http://127.0.0.1:{port}"
        options = {
            "binary": "/usr/bin/chromium",
            "args": [*FLAGS, f"--user-data-dir={bench.path / name}.profile"],
        }
        wanted = {"goog:chromeOptions": options, "goog:loggingPrefs": {"performance": "ALL"}}
        session = self._ask("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        self._url += f"/session/{session['sessionId']}"
        self.pid = session["capabilities"]["goog:processID"]
        self.urls: set[str] = set()
        self._text = ""

    def open(self, url: str) -> None:
        """Go to a page."""
        self._ask("POST", "/url", {"url": url})

    def type(self, *keys: str) -> None:
        """Press keys, one after the other, wherever the page has its focus; names as WebDriver has them."""
        actions = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        self._ask("POST", "/actions", {"actions": [{"type": "key", "id": "keyboard", "actions": actions}]})

    def click(self, selector: str) -> None:
        """Click on the middle of an element."""
        found = self._ask("POST", "/element", {"using": "css selector", "value": selector})
        self._ask("POST", f"/element/{found[ELEMENT]}/click", {})

    def run(self, script: str):
        """Return what a script in the page returns."""
        return self._ask("POST", "/execute/sync", {"script": script, "args": []})

    def drawn(self) -> str:
        """Everything that came over the page's socket so far, as a terminal gets it."""
        for entry in self._ask("POST", "/se/log", {"type": "performance"}):
            event = json.loads(entry["message"])["message"]
            parameters = event["params"]
            if event["method"] == "Network.requestWillBeSent":
                self.urls.add(parameters["request"]["url"])
            elif event["method"] == "Network.webSocketCreated":
                self.urls.add(parameters["url"])
            elif event["method"] == "Network.webSocketFrameReceived" and parameters["response"]["opcode"] == 2:
                self._text += base64.b64decode(parameters["response"]["payloadData"]).decode("utf-8", "replace")
        return self._text

    def close_tab(self) -> None:
        """Close the page; the browser stays, with another one."""
        other = self._ask("POST", "/window/new", {"type": "tab"})
        self._ask("DELETE", "/window")
        self._ask("POST", "/window", {"handle": other["handle"]})

    def freeze(self) -> None:
        """Let the browser with all its processes stand still: its connections stay open and nobody reads them."""
        os.killpg(self._driver.pid, signal.SIGSTOP)

    def kill(self) -> None:
        """End it with all its processes."""
        self._driver.kill()

    def picture(self) -> bytes:
        """The page as a PNG."""
        return base64.b64decode(self._ask("GET", "/screenshot"))

    def _ask(self, method: str, path: str, body: dict | None = None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._url + path, data, {"Content-Type": "application/json"}, method=method)  # noqa: S310  # our own driver
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            return json.load(answer)["value"]
