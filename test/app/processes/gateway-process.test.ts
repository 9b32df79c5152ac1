import cluster from 'node:cluster'
import { afterAll, expect, it } from 'vitest'
import { startGatewayProcess } from '../../../src/app/processes/gateway-process.js'

afterAll(() => cluster.setupPrimary({ cwd: undefined }))

it('tells that a process has ended when the system could not start it', async () => {
  // The system refuses this as it refuses a process beyond its limit: with an error, and no event `exit`.
  cluster.setupPrimary({ exec: 'main.js', cwd: '/there/is/no/such/folder' })
  const ends: unknown[] = []
  await new Promise<void>(resolve => {
    startGatewayProcess({
      message: () => {},
      exit: (...end) => {
        ends.push(end)
        resolve()
      },
    })
  })
  expect(ends).toEqual([[null, null, expect.objectContaining({ code: 'ENOENT' })]])
})
