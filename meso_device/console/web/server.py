"""Serves the view to browsers on this computer: one process for each page, which ends with its page or with us.

No page of another origin gets anything: a browser tells where a request comes from, and requests from elsewhere, or to
another name of this computer, are refused. Nothing is loaded from anywhere but here.
"""

import asyncio
import contextlib
import importlib.resources
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from string import Template
from typing import Any, Final, cast

from aiohttp import WSMsgType, web
from textual_serve.app_service import AppService
from textual_serve.download_manager import DownloadManager

LOOPBACK: Final = "127.0.0.1"
PAGES_MAX: Final = 8
"""As many as the host shows itself to."""
HEARTBEAT_S: Final = 4.0
"""A page that answers nothing for half as long again is not there."""
SHUTDOWN_S: Final = 1.0
COLUMNS, ROWS = range(20, 1_000), range(5, 500)
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self'; img-src 'self' data:; "
    "connect-src 'self' ws://{authority}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class PageService(AppService):
    """The view of one page.

    Args:
        words: Command of the view.
        socket: Connection to the page.
    """

    def __init__(self, words: Sequence[str], socket: web.WebSocketResponse) -> None:
        super().__init__(
            "",
            write_bytes=socket.send_bytes,
            write_str=socket.send_str,
            close=cast("Callable[[], Awaitable[None]]", socket.close),
            download_manager=DownloadManager(),
        )
        self._words = words

    async def _open_app_process(self, width: int = 80, height: int = 24) -> asyncio.subprocess.Process:
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            *self._words, stdin=pipe, stdout=pipe, stderr=pipe, env=self._build_environment(width, height)
        )
        self._process, self._stdin = process, process.stdin
        return process

    async def stop(self) -> None:
        """End the view at once: it holds nothing, and it may be blocked by a page that reads nothing."""
        process, task = self._process, self._task
        self._process = self._task = None
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


class Server:
    """The server, from `run` until a signal ends it.

    Args:
        words: Command of a view.
        port: Where to listen; 0 for any port that is free.
    """

    def __init__(self, words: Sequence[str], port: int) -> None:
        self._words = words
        self._port = port
        self._authority = ""
        self._sockets: set[web.WebSocketResponse] = set()

    async def run(self) -> None:
        """Serve until a signal comes.

        Raises:
            OSError: the port cannot be listened on.
        """
        ended = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, ended.set)
        runner = web.AppRunner(self._application(), access_log=None, shutdown_timeout=SHUTDOWN_S)
        await runner.setup()
        try:
            await web.TCPSite(runner, LOOPBACK, self._port).start()
            self._authority = f"{LOOPBACK}:{runner.addresses[0][1]}"
            sys.stdout.write(f"view only, for browsers on this computer: http://{self._authority}/  Ctrl+C ends it\n")
            sys.stdout.flush()
            await ended.wait()
        finally:
            await runner.cleanup()

    def _application(self) -> web.Application:
        static = importlib.resources.files("textual_serve") / "static"
        application = web.Application(middlewares=[self._guard])
        application.add_routes(
            [
                web.get("/", self._page),
                web.get("/page.css", self._style),
                web.get("/ws", self._view),
                web.static("/static", str(static)),
            ]
        )
        application.on_shutdown.append(self._close_pages)
        return application

    @web.middleware
    async def _guard(self, request: web.Request, handler: Callable[[web.Request], Any]) -> web.StreamResponse:
        """Refuse what comes from another page or goes to another name, and forbid all that is not from here."""
        origin = request.headers.get("Origin", f"http://{self._authority}")
        if request.host != self._authority or origin != f"http://{self._authority}":
            raise web.HTTPForbidden(text=f"open http://{self._authority}/ itself\n")
        response: web.StreamResponse = await handler(request)
        if not response.prepared:
            response.headers["Content-Security-Policy"] = _POLICY.format(authority=self._authority)
            response.headers["X-Content-Type-Options"] = "nosniff"
            response.headers["Cache-Control"] = "no-store"
        return response

    async def _page(self, _request: web.Request) -> web.Response:
        text = Template(_file("page.html")).substitute(authority=self._authority)
        return web.Response(text=text, content_type="text/html")

    async def _style(self, _request: web.Request) -> web.Response:
        return web.Response(text=_file("page.css"), content_type="text/css")

    async def _view(self, request: web.Request) -> web.StreamResponse:
        if len(self._sockets) >= PAGES_MAX:
            raise web.HTTPServiceUnavailable(text=f"{PAGES_MAX} pages are open already: close one first\n")
        socket = web.WebSocketResponse(heartbeat=HEARTBEAT_S, timeout=SHUTDOWN_S)
        self._sockets.add(socket)
        service = PageService(self._words, socket)
        try:
            await socket.prepare(request)
            await service.start(_size(request.query.get("width"), COLUMNS), _size(request.query.get("height"), ROWS))
            await _pass_on(socket, service)
        finally:
            self._sockets.discard(socket)
            await service.stop()
        return socket

    async def _close_pages(self, _application: web.Application) -> None:
        await asyncio.gather(*(socket.close() for socket in self._sockets), return_exceptions=True)


async def _pass_on(socket: web.WebSocketResponse, service: AppService) -> None:
    """Pass what the page says to its view, which has no key that does more than show; drop what is no message."""
    async for message in socket:
        if message.type is not WSMsgType.TEXT:
            continue
        try:
            kind, *values = message.json()
            if kind == "stdin":
                await service.send_bytes(str(values[0]).encode())
            elif kind == "resize":
                width, height = _size(values[0]["width"], COLUMNS), _size(values[0]["height"], ROWS)
                await service.set_terminal_size(width, height)
            elif kind == "ping":
                await socket.send_json(["pong", values[0]])
        except (ValueError, TypeError, LookupError):
            continue


def _size(value: object, allowed: range) -> int:
    """Return a number of cells as a page says it, or the smallest allowed where it says nonsense."""
    try:
        size = int(str(value))
    except ValueError:
        return allowed.start
    return size if size in allowed else allowed.start


def _file(name: str) -> str:
    return (importlib.resources.files("meso_device.console.web") / name).read_text("utf-8")


def view_words(socket_path: str, options: Sequence[str]) -> list[str]:
    """Return the command of a view that ends with this process."""
    return [
        *(sys.executable, "-m", "meso_device.console.viewing", socket_path, "--served", str(os.getpid())),
        *options,
    ]
