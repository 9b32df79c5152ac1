// Ringcast in an Express app: pages and ticks on one port. PORT=8080 node server.mjs
import { createServer } from 'node:http'
import express from 'express'
import { StreamHandler } from 'ringcast'

const handler = new StreamHandler({ maxClients: 500, poolSize: 1 })
const app = express()
app.get('/healthz', (_request, response) => {
  response.status(handler.isHealthy() ? 200 : 503).json({ clients: handler.getClientCount() })
})

const server = createServer({ headersTimeout: 10_000, requestTimeout: 10_000 }, app)
server.on('upgrade', (request, socket, head) => handler.handleUpgrade(request, socket, head))
server.listen(Number(process.env.PORT ?? 8080), () =>
  process.stdout.write(`listening ${server.address().port}\n`),
)

let sequence = 0
const timer = setInterval(() => {
  const sourceTimeNs = BigInt(Date.now()) * 1_000_000n
  handler.broadcastTick({
    symbol: 'ACME',
    kind: 'trade',
    sequence: ++sequence,
    sourceTimeNs,
    last: 99.5,
    lastSize: 1,
  })
}, 100)

process.once('SIGTERM', async () => {
  clearInterval(timer)
  // First: no new connections. `close` waits for those that stand, so the handler ends the clients meanwhile.
  server.close(() => process.stdout.write('stopped\n'))
  await handler.shutdown({ timeoutMs: 5_000 })
  server.closeIdleConnections()
})
