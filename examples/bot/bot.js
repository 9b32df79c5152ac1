// Prints every trade above a size, and every loss. node examples/bot/bot.js [url] [size]
import { connect } from '@ringcast/client'
import { WebSocket } from 'ws'

const [url = 'ws://localhost:8080/ws/ticks', size = '1'] = process.argv.slice(2)
const stream = connect(url, { WebSocket })

for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => stream.close())

for await (const item of stream.subscribe('*')) {
  switch (item.type) {
    case 'ticks':
      for (const { kind, last, lastSize, symbol } of item.ticks)
        if (kind === 'trade' && lastSize >= Number(size)) console.log(`${symbol} ${lastSize} at ${last}`)
      break
    case 'gap':
      console.log(`${item.missed ?? 'some'} ticks are missing: ${item.reason}`)
      break
    case 'refused':
      console.log(`${item.symbol} is refused: ${item.message}`)
      break
    case 'status':
      console.error(`${item.state}: ${item.reason || item.code}`)
  }
}
