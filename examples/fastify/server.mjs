// Ringcast in a Fastify app: routes and ticks on one port. PORT=8080 node server.mjs
import fastify from 'fastify'
import { StreamHandler } from 'ringcast'

const handler = new StreamHandler({ maxClients: 500, poolSize: 1 })
const app = fastify({ requestTimeout: 10_000 })
app.get('/healthz', (_request, reply) => {
  reply.code(handler.isHealthy() ? 200 : 503).send({ clients: handler.getClientCount() })
})
app.server.on('upgrade', (request, socket, head) => handler.handleUpgrade(request, socket, head))

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

// Not onClose: Fastify calls that when the server has closed, and the server waits for the clients.
app.addHook('preClose', async () => {
  clearInterval(timer)
  await handler.shutdown({ timeoutMs: 5_000 })
})
process.once('SIGTERM', async () => {
  await app.close()
  process.stdout.write('stopped\n')
})

await app.listen({ port: Number(process.env.PORT ?? 8080), host: '127.0.0.1' })
process.stdout.write(`listening ${app.server.address().port}\n`)
