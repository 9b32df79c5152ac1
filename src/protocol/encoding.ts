/**
 * The encoding of messages with ticks. All other messages are JSON. Any thread.
 */

export type Encoding = 'json' | 'protobuf'
