/**
 * What the heartbeat knows of one client. Main thread. Only `Heartbeat` writes it. Times are those of `PatientClock`.
 */
export class LifeSigns {
  /** When the last message, ping or pong came. */
  lastHeardMs: number
  /** When the ping was sent that has no pong yet, or when it was last seen on its way. */
  pingSentMs = 0
  /** Bytes that the connection had been given when it was given that ping. */
  pingEndBytes = 0
  /** When the close handshake began, or when the client last took bytes in front of the close frame. */
  closingMs = 0

  constructor(nowMs: number) {
    this.lastHeardMs = nowMs
  }
}
