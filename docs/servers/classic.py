"""A web server after the pattern of the classic tutorials, faults and all.

It receives once, ends its lines with a bare line feed, sends no length, says 200 to
everything, opens whatever the path names, and serves one client at a time. Let the checker
find that out:

    cargo run -p wirecheck -- 9 --protocol --run 'python3 docs/servers/classic.py {port}'

Do not put it on a network.
"""

import socket
import sys

server = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
server.bind(("127.0.0.1", int(sys.argv[1])))
server.listen(5)

while True:
    connection, address = server.accept()
    request = connection.recv(1024).decode()
    method, path, version = request.split("\n")[0].split(" ")
    if method == "POST":
        body = request.split("\r\n\r\n")[1]
        response = "HTTP/1.1 200 OK\n\nPOST Data Received: " + body
    elif path == "/":
        response = "HTTP/1.1 200 OK\n\n<h1>Hello, World!</h1>"
    else:
        try:
            response = "HTTP/1.1 200 OK\n\n" + open("." + path).read()
        except OSError:
            response = "HTTP/1.1 200 OK\n\n<h1>404 Not Found</h1>"
    connection.sendall(response.encode())
    connection.close()
