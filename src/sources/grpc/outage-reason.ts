/**
 * The reason that clients are told while a feed over gRPC is down. Main thread. The log has the details, which may name hosts.
 */
import type { TickSink } from '../../ingest/tick-sink.js'

const NOT_CONNECTED = 'the gateway is not connected to the feed yet'
const FEED_LOST = 'the gateway has lost the feed and calls it again'

export class OutageReason {
  private hasBeenLive = false

  /** @param wasLive whether the call that has ended was accepted */
  tell(sink: TickSink, wasLive: boolean): void {
    this.hasBeenLive ||= wasLive
    sink.setSourceState('down', this.hasBeenLive ? FEED_LOST : NOT_CONNECTED)
  }
}
