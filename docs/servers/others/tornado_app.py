import asyncio
import os
import pathlib
import sys

from tornado import web


class Page(web.RequestHandler):
    def get(self):
        self.write(pathlib.Path(__file__).with_name("page.html").read_text())

    head = get


class Echo(web.RequestHandler):
    def post(self):
        self.set_header("Content-Type", "text/plain")
        self.write(self.request.body)


async def main():
    files = (r"/files/(.*)", web.StaticFileHandler, {"path": os.environ["ROOT"]})
    app = web.Application([("/", Page), ("/hello", Page), ("/echo", Echo), files])
    app.listen(int(sys.argv[1]), "127.0.0.1")
    await asyncio.Event().wait()


asyncio.run(main())
