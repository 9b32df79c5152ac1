/** A client of all ticks that resumes, and says at which gateway it is and what it has missed. */
import { WebSocket } from 'ws'

const RETURN_MS_MAX = 250

export class DemoClient {
  url
  balancer
  say
  socket
  timer
  epoch
  offset
  ticks = 0
  connections = 0
  gaps = 0
  /** Offsets that neither a tick nor a gap has told. */
  missing = 0

  constructor(url, balancer, say) {
    this.url = url
    this.balancer = balancer
    this.say = say
    this.connect()
  }

  show() {
    const { connections, gaps, missing, offset, ticks } = this
    this.say(`offset ${offset}: ${ticks} ticks, ${gaps} gaps, ${missing} missing, ${connections} connections`)
  }

  stop() {
    clearTimeout(this.timer)
    this.socket.removeAllListeners('close')
    this.socket.terminate()
  }

  connect() {
    const resume = this.epoch === undefined ? '' : `?resume=${this.epoch}:${this.offset}`
    const socket = new WebSocket(this.url + resume)
    this.socket = socket
    socket.on('upgrade', ({ socket: { localPort } }) => {
      this.connections++
      this.say(`is at ${this.balancer.gatewayOf(localPort)}`)
    })
    socket.on('message', data => this.take(JSON.parse(String(data))))
    // The close event follows.
    socket.on('error', () => {})
    socket.on('close', () => {
      this.timer = setTimeout(() => this.connect(), Math.random() * RETURN_MS_MAX)
    })
  }

  take(message) {
    const { type, epoch, from, missed, offset, resumed, to } = message
    if (type === 'ticks') {
      this.ticks += message.ticks.length
      this.missing += offset - this.offset - message.ticks.length
    }
    if (type === 'status')
      this.say(`the feed is ${message.feed}${message.reason ? `: ${message.reason}` : ''}`)
    if (type === 'subscribed' && resumed !== undefined) this.say(`has resumed: ${resumed}`)
    if (type === 'gap' && missed !== 0) {
      this.gaps++
      this.say(`a gap of ${missed ?? 'an unknown number of'} ticks`)
    }
    this.epoch = epoch ?? this.epoch
    if (type === 'gap') this.offset = offset ?? Math.max(this.offset, from - 1, to)
    else this.offset = offset ?? this.offset
  }
}
