"""For Flask's own server, and as a WSGI application for gunicorn and waitress."""

import os
import pathlib

from flask import Flask, request, send_from_directory
from markupsafe import escape

app = Flask(__name__, static_folder=None)


@app.get("/")
def page():
    return pathlib.Path(__file__).with_name("page.html").read_text()


@app.get("/hello")
def hello():
    return f"<h1>Hello, {escape(request.args.get('name', 'World'))}!</h1>"


@app.post("/echo")
def echo():
    return request.get_data(), {"Content-Type": "text/plain"}


@app.get("/files/<path:name>")
def files(name):
    return send_from_directory(os.environ["ROOT"], name)
