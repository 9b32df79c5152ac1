/**
 * How messages with ticks are encoded; all other messages are JSON. Any thread.
 */

export type Encoding = 'json' | 'protobuf'
