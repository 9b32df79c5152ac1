/**
 * A WebSocket whose listeners may throw: what they throw goes to `onFault`. Main thread.
 * Otherwise it would go through the library and the socket up to the process, and end every client.
 */
import { WebSocket } from 'ws'

export class GuardedWebSocket extends WebSocket {
  /** Is told what was thrown. */
  onFault: (error: unknown) => void = () => this.terminate()

  /** Does what is to be done for this client; what is thrown then ends nobody else. */
  guard(work: () => void): void {
    try {
      work()
    } catch (error) {
      this.onFault(error)
    }
  }

  override emit(event: string | symbol, ...parameters: unknown[]): boolean {
    let isHeard = true
    this.guard(() => {
      isHeard = super.emit(event, ...parameters)
    })
    return isHeard
  }
}
