/** What a relay has done since its process started, for `/metrics.json`. Main thread. */
export class RelayCounters {
  /** Messages of the feed. */
  messagesReceived = 0
  ticksReceived = 0
  /** Ticks that could not be read. */
  ticksMalformed = 0
  /** Ticks that the feed has sent again. */
  ticksRepeated = 0
  /** Ticks for which there was no room while the stream did not take messages. */
  ticksLost = 0
  /** Ticks and messages that were handed to the writer of the stream. */
  ticksWritten = 0
  messagesWritten = 0
  /** Messages that the stream has. */
  messagesStored = 0
  upstreamPauses = 0
  /** Sessions with the feed after the first. */
  upstreamReconnects = 0
  /** Times this relay became the active one. */
  terms = 0
}
