/** The one importer of protobufjs: schemas, messages and descriptors at runtime. Any thread. */
import protobuf from 'protobufjs'

export { protobuf }
