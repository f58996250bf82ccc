// A server as one writes it on the first evening: each `data` event is a request. What is wrong
// with that, the checker tells:
//
//     cargo run -p wirecheck -- --run 'node docs/servers/naive.js {port}'

const net = require('net');

net.createServer((socket) => {
  socket.on('data', (data) => {
    const [head, body] = data.toString().split('\r\n\r\n');
    const [method, path] = head.split('\r\n')[0].split(' ');
    if (method === 'POST' && path === '/echo') {
      answer(socket, '200 OK', body);
    } else if (path === '/') {
      answer(socket, '200 OK', '<h1>Hello, World!</h1><form action="/echo" method="post"></form>');
    } else {
      answer(socket, '404 Not Found', `no such page: ${path}`);
    }
  });
}).listen(Number(process.argv[2]), '127.0.0.1');

function answer(socket, status, body) {
  socket.end(`HTTP/1.1 ${status}\r\nContent-Type: text/html\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
}
