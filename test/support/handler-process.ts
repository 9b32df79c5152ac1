/** A process that uses a handler, shuts it down and has nothing left to do: it must end by itself. */
import { HandlerServer, quote } from './handler-server.js'

const server = await HandlerServer.start({ poolSize: 2 })
const client = await server.connect()
server.handler.broadcastTick(quote('A', 1))
await client.until(() => client.ticks.length === 1)
await server.stop()
process.stdout.write('stopped\n')
