/** The cases that every client passes, over real connections with the package ws. */
import * as client from '@ringcast/client'
import { readCases } from '@ringcast/conformance'
import { it } from 'vitest'
import { WebSocket } from 'ws'
import { driverOf } from '../../support/client-driver.js'
import { playOverSockets } from '../../support/socket-server.js'

it.each(readCases().map(each => [each.name, each] as const))('%s', async (_name, each) => {
  await playOverSockets(each, driverOf(client), WebSocket, true)
})
