/** Our own client library, from packages/client, with the WebSocket that a tool uses in Node. Main thread. */
export { connect, type Item, type TickHead } from '#client'
