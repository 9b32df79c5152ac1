/**
 * The protobuf library. Any thread. No other file imports the package.
 */
import protobuf from 'protobufjs'

export { protobuf }
