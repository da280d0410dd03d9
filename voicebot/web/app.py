"""The HTTP side: /live, /ready, /health and /metrics, in a process of its own that holds no call and no engine."""

from __future__ import annotations

import socket
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from voicebot.store.database import Store
from voicebot.telemetry import metrics
from voicebot.web.health import Health, readiness

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""The Prometheus text exposition format."""


def application(health: Health) -> Starlette:
    """Return the ASGI application."""

    async def live(_request: Request) -> Response:
        return PlainTextResponse("alive\n")

    async def ready(_request: Request) -> Response:
        judged = readiness(await run_in_threadpool(health.workers))
        if judged.ready:
            return PlainTextResponse("ready\n")
        headers = {"Retry-After": str(judged.retry_after_s)}
        return PlainTextResponse(f"{judged.reason}\n", status_code=503, headers=headers)

    async def report(_request: Request) -> Response:
        return JSONResponse(await run_in_threadpool(health.report))

    async def exposition(_request: Request) -> Response:
        return Response(await run_in_threadpool(metrics.exposition), media_type=METRICS_TYPE)

    return Starlette(
        routes=[
            Route("/live", live),
            Route("/ready", ready),
            Route("/health", report),
            Route("/metrics", exposition),
        ]
    )


class WebPortError(Exception):
    """The configured address cannot be listened on; the message names it and the remedy."""


def serve_web(host: str, port: int, data_dir: Path, store_url: str) -> None:
    """Serve until SIGTERM or SIGINT, on the process's main thread. Raises WebPortError and StoreMisconfigured."""
    store = Store(store_url)
    try:
        with listen(host, port) as listening:
            config = uvicorn.Config(
                application(Health(data_dir, store)),
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=2,
            )
            uvicorn.Server(config).run(sockets=[listening])
    finally:
        store.close()


def listen(host: str, port: int) -> socket.socket:
    """Return a listening TCP socket; port 0 takes a free one. Raises WebPortError."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise WebPortError(
            f"cannot serve HTTP on {host}:{port}: {error.strerror}; free the port or set web.host and web.port"
        ) from error
