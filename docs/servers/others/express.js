const express = require('express');
const app = express();

app.get('/', (request, response) => response.sendFile(`${__dirname}/page.html`));
app.get('/hello', (request, response) => response.type('text').send(`Hello, ${request.query.name}!\n`));
app.post('/echo', express.raw({ type: () => true }), (request, response) => {
  response.type('text').send(request.body);
});
app.use('/files', express.static(process.argv[3]));
app.listen(Number(process.argv[2]), '127.0.0.1');
