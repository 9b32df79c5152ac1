/**
 * What clients are told of a feed that is called over gRPC. Main thread. The log has the details, which may name hosts.
 */
import type { TickSink } from '../../ingest/tick-sink.js'

const NOT_CONNECTED = 'the gateway is not connected to the feed yet'
const FEED_LOST = 'the gateway has lost the feed and calls it again'

export class ToldState {
  private hasBeenLive = false

  /** A feed that refuses the call is down again before clients hear of this, see SourceState. */
  live(sink: TickSink): void {
    sink.setSourceState('live')
  }

  /** @param wasLive whether the call that has ended was accepted */
  down(sink: TickSink, wasLive: boolean): void {
    this.hasBeenLive ||= wasLive
    sink.setSourceState('down', this.hasBeenLive ? FEED_LOST : NOT_CONNECTED)
  }
}
