import os
import pathlib
import sys

from aiohttp import web


async def page(request):
    text = pathlib.Path(__file__).with_name("page.html").read_text()
    return web.Response(text=text, content_type="text/html")


async def echo(request):
    return web.Response(body=await request.read(), content_type="text/plain")


app = web.Application()
app.router.add_get("/", page)
app.router.add_get("/hello", page)
app.router.add_post("/echo", echo)
app.router.add_static("/files", os.environ["ROOT"])
web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]))
