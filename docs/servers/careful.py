"""The classic server with its worst habits mended: it survives every client, answers with
lengths, CRLF and true statuses, and stays in its folder. It still receives only once, and
still serves one client at a time:

    cargo run -p wirecheck -- 9 --protocol --run 'python3 docs/servers/careful.py {port}'
"""

import pathlib
import socket
import sys

ROOT = pathlib.Path(__file__).resolve().parent

server = socket.create_server(("127.0.0.1", int(sys.argv[1])))


def answer(request):
    """The status and the body for a request."""
    try:
        method, path, version = request.split("\r\n")[0].split(" ")
    except ValueError:
        return "400 Bad Request", b"bad request\n"
    if method not in ("GET", "HEAD"):
        return "501 Not Implemented", b"only GET and HEAD\n"
    if path == "/":
        return "200 OK", b"<h1>Hello, World!</h1>\n"
    file = (ROOT / path.lstrip("/")).resolve()
    if ROOT in file.parents and file.is_file():
        return "200 OK", file.read_bytes()
    return "404 Not Found", b"not found\n"


while True:
    connection, address = server.accept()
    try:
        request = connection.recv(65536).decode("latin-1")
        status, body = answer(request)
        head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        if not request.startswith("HEAD "):
            head, body = head.encode(), body
        else:
            head, body = head.encode(), b""
        connection.sendall(head + body)
    except OSError:
        pass
    finally:
        connection.close()
