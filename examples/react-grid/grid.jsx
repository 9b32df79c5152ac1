// 500 cells, each with its own symbol: npx vite examples/react-grid, beside a gateway with 500 symbols.
import { RingcastProvider, useStatus, useTick } from '@ringcast/react'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'

const CELLS = 500
const url = new URLSearchParams(location.search).get('url') ?? 'ws://localhost:8080/ws/ticks'
const symbols = Array.from({ length: CELLS }, (_, index) => `SYM${String(index + 1).padStart(4, '0')}`)

function Cell({ symbol }) {
  // Ten updates a second are more than anybody reads.
  const quote = useTick(symbol, { kind: 'quote', interval: 100 })
  return (
    <div data-sequence={quote?.sequence}>
      {symbol} {quote?.bid ?? '…'}
    </div>
  )
}

function Status() {
  const status = useStatus()
  return (
    <p id="status">
      {status?.state}, the feed is {status?.feed}
    </p>
  )
}

createRoot(document.getElementById('root')).render(
  <StrictMode>
    <RingcastProvider url={url}>
      <Status />
      <div id="grid">
        {symbols.map(symbol => (
          <Cell key={symbol} symbol={symbol} />
        ))}
      </div>
    </RingcastProvider>
  </StrictMode>,
)
