/**
 * The schema of a user's ticks: plain data, made on the main thread and handed to each lane. Any thread.
 * A path names a field of the tick's message, or a field within it, by names of the `.proto` file: `header.symbol`.
 * Where a segment names a oneof of messages, the path goes on in the case that is set: `event.symbol`.
 */

export interface TickSchema {
  /** All message types and enums that the streamed message needs, as `Root.toJSON()` of protobufjs writes them. */
  readonly types: Readonly<Record<string, unknown>>
  /** Full name of the streamed message, such as `acme.md.Update`. */
  readonly message: string
  readonly mapping: TickMapping
}

/** Where the fields that every tick has stand in the message. */
export interface TickMapping {
  /** Path of the repeated field that holds ticks; undefined: the streamed message is the tick. Other paths begin at the tick. */
  readonly repeated: string | undefined
  /** A string. */
  readonly symbol: string
  /** An enum, a string, or a oneof, each case of which is a kind; undefined: all ticks are of the kind `tick`. */
  readonly kind: string | undefined
  /** An integer, a string of an integer, or a `google.protobuf.Timestamp`. */
  readonly time: { readonly path: string; readonly unit: TimeUnit } | undefined
  /** An integer, or a string of one. */
  readonly sequence: string | undefined
  /** An integer, see `Tick.position` in proto/ringcast.proto. */
  readonly position: string | undefined
}

/** The unit of an integer; a timestamp has its own. */
export type TimeUnit = 'ns' | 'us' | 'ms' | 's'
