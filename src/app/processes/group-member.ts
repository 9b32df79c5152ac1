/**
 * One gateway of a group, from inside: takes the orders of the first process, and reports to it. Main thread.
 *
 * A terminal and a service manager send a signal to all processes of the group, and the first process then orders the
 * stop. So the order and the first signal are one and the same wish, in whichever order they come.
 */
import cluster from 'node:cluster'
import type { Clock, Timer } from '../../common/clock.js'
import type { HostProcess, HostSignal } from '../process-lifetime.js'
import {
  type Accepting,
  type FromGateway,
  type GatewayReport,
  type Question,
  REPORT_INTERVAL_MS,
  type ToGateway,
} from './group-messages.js'

export interface StartOrder {
  /** The number of this gateway: 1, 2, 3 … A replacement has that of the process that it replaces. */
  readonly process: number
  /** The feed to read in place of the embedded one; undefined: as the settings say. */
  readonly upstream: readonly string[] | undefined
}

/** The members of `process` that are used here. */
export interface MemberProcess extends HostProcess {
  on(event: 'message', listener: (message: ToGateway) => void): unknown
  on(event: HostSignal, listener: (signal: HostSignal) => void): unknown
  send?(message: FromGateway, sent: () => void): boolean
}

export class GroupMember implements HostProcess {
  /** The first order; undefined: it is to stop before it has begun. */
  readonly started: Promise<StartOrder | undefined>
  private readonly process: MemberProcess
  private readonly clock: Clock
  private reports: Timer | undefined
  /** The first process has not taken the last report: another one would wait behind it. */
  private isReporting = false
  private signalCount = 0
  private isStopOrdered = false
  private _isPolled = false
  private answerTo: (question: Question) => unknown = () => undefined
  private stopListener: ((signal: HostSignal) => void) | undefined
  private reloadListener: (() => void) | undefined

  constructor(process: MemberProcess, clock: Clock) {
    this.process = process
    this.clock = clock
    this.started = new Promise(resolve => {
      process.on('message', message => {
        if (message.op === 'stop') {
          this.stopOrdered(message.isPolled)
          resolve(undefined)
        } else if (message.op === 'reload') this.reloadListener?.()
        else if (message.op === 'ask')
          this.send({ op: 'answer', number: message.number, answer: this.answerTo(message.question) })
        else resolve({ process: message.process, upstream: message.upstream ?? undefined })
      })
      this.send({ op: 'ready' })
    })
  }

  /** Whether something asks the first process if the gateways are ready, as far as this gateway was told. */
  get isPolled(): boolean {
    return this._isPolled
  }

  // HostProcess

  get exitCode(): number | string | null | undefined {
    return this.process.exitCode
  }

  set exitCode(code: number | string | null | undefined) {
    this.process.exitCode = code
  }

  exit(code: number): void {
    this.process.exit(code)
  }

  on(signal: HostSignal, listener: (signal: HostSignal) => void): void {
    if (signal === 'SIGHUP') {
      this.reloadListener = () => listener(signal)
      this.process.on(signal, this.reloadListener)
      return
    }
    this.stopListener = listener
    this.process.on(signal, () => {
      this.signalCount++
      if (this.signalCount > 1 || !this.isStopOrdered) listener(signal)
    })
  }

  // To the first process

  accepting(what: Accepting): void {
    this.send({ op: 'accepting', ...what })
  }

  /** @param answerTo returns the answer to a question of the first process */
  answer(answerTo: (question: Question) => unknown): void {
    this.answerTo = answerTo
  }

  /** Reports at once, and then twice a second, until `leave`. */
  report(state: () => GatewayReport): void {
    const send = () => {
      if (this.isReporting) return
      this.isReporting = true
      this.process.send?.({ op: 'report', report: state() }, () => {
        this.isReporting = false
      })
    }
    this.reports = this.clock.every(REPORT_INTERVAL_MS, send)
    send()
  }

  /** Closes the channel, which otherwise keeps the process alive. */
  leave(): void {
    this.reports?.cancel()
    cluster.worker?.disconnect()
  }

  private send(message: FromGateway): void {
    this.process.send?.(message, () => {})
  }

  private stopOrdered(isPolled: boolean): void {
    this._isPolled = isPolled
    const isFirstWish = !this.isStopOrdered && this.signalCount === 0
    this.isStopOrdered = true
    if (isFirstWish) this.stopListener?.('SIGTERM')
  }
}
