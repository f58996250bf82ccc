const http = require('http');
const fs = require('fs');
const page = fs.readFileSync(`${__dirname}/page.html`);

http.createServer((request, response) => {
  // Node hands over what was asked for as it was sent: http://localhost/ as well as /.
  const path = request.url.replace(/^http:\/\/[^/?]*/, '').split('?')[0];
  const allowed = { '/': ['GET', 'HEAD'], '/hello': ['GET', 'HEAD'], '/echo': ['POST'] }[path];
  if (!allowed) {
    response.writeHead(404, { 'Content-Type': 'text/plain' }).end('not found\n');
  } else if (!allowed.includes(request.method)) {
    response.writeHead(405, { Allow: allowed.join(', ') }).end();
  } else if (path === '/echo') {
    response.writeHead(200, { 'Content-Type': 'text/plain' });
    request.pipe(response);
  } else {
    response.writeHead(200, { 'Content-Type': 'text/html' }).end(page);
  }
}).listen(Number(process.argv[2]), '127.0.0.1');
