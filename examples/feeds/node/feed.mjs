// Serves depth.proto on grpc-js, with reflection: node examples/feeds/node/feed.mjs [port]
import { fileURLToPath } from 'node:url'
import { loadPackageDefinition, Server, ServerCredentials } from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'
import { ReflectionService } from '@grpc/reflection'

const MARKETS = ['ACME-USD', 'BOLT-USD', 'CORE-USD']
const definition = loadSync(fileURLToPath(new URL('../depth.proto', import.meta.url)), {
  keepCase: true,
  arrays: true,
})
const { Depth } = loadPackageDefinition(definition).example.depth
let seq = 0

function nextEvent(markets) {
  seq += 1
  const price = 100 + Math.sin(seq / 10)
  const now = Date.now()
  return {
    market: markets[seq % markets.length],
    seq,
    at: { seconds: Math.floor(now / 1000), nanos: (now % 1000) * 1_000_000 },
    ...(seq % 3 === 0
      ? { trade: { price, amount: 2 } }
      : { book: { bids: [{ price: price - 0.5, amount: 10 }], asks: [{ price: price + 0.5, amount: 12 }] } }),
  }
}

function watch(call) {
  const markets = call.request.markets.length > 0 ? call.request.markets : MARKETS
  const timer = setInterval(() => call.write(nextEvent(markets)), 100)
  call.on('cancelled', () => clearInterval(timer))
}

const server = new Server()
server.addService(Depth.service, { watch })
new ReflectionService(definition).addToServer(server)
server.bindAsync(
  `localhost:${process.argv[2] ?? 50061}`,
  ServerCredentials.createInsecure(),
  (error, port) => {
    if (error) throw error
    console.error(`feeding at localhost:${port}`)
  },
)
