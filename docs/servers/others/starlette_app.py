"""An ASGI application for uvicorn."""

import os
import pathlib

from starlette.applications import Starlette
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles


async def page(request):
    return HTMLResponse(pathlib.Path(__file__).with_name("page.html").read_text())


async def echo(request):
    return Response(await request.body(), media_type="text/plain")


app = Starlette(routes=[
    Route("/", page),
    Route("/hello", page),
    Route("/echo", echo, methods=["POST"]),
    Mount("/files", StaticFiles(directory=os.environ["ROOT"])),
])
