import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { afterEach, expect, it } from 'vitest'
import { doneWithin } from '../../src/common/deadline.js'
import { PatientClock } from '../../src/common/patient-clock.js'
import { FakeClock } from '../support/fake-clock.js'

const PAUSE_MS = 70_000

const opened: { destroy(): unknown }[] = []

afterEach(() => {
  for (const each of opened.splice(0)) each.destroy()
})

/** Of a timeout of 4 s: a beat is a second. */
function start(timeoutMs = 4_000) {
  const clock = new FakeClock()
  return { clock, time: new PatientClock(clock, timeoutMs) }
}

/** Comes when timers do: before the next poll for I/O. */
const atTimers = () => new Promise<void>(resolve => setTimeout(resolve))

it('goes as the clock does while the thread is not held up', async () => {
  const { clock, time } = start()
  const beats: number[] = []
  time.onBeat(nowMs => beats.push(nowMs))
  await clock.pass(2_400, 400)
  expect([time.nowMs(), time.heldUpMs()]).toEqual([2_400, 0])
  expect(beats).toEqual([1_000, 2_000])
})

it('goes on by a beat while the thread is held up, before and after the beat that comes late', async () => {
  const { clock, time } = start()
  await clock.pass(1_000, 1_000)
  clock.jump(PAUSE_MS)
  expect([time.nowMs(), time.heldUpMs()]).toEqual([2_000, PAUSE_MS - 1_000])
  clock.advance(0)
  expect([time.nowMs(), time.heldUpMs()]).toEqual([2_000, PAUSE_MS - 1_000])
  await new Promise(setImmediate)
  await clock.pass(1_000, 1_000)
  expect([time.nowMs(), time.heldUpMs()]).toEqual([3_000, 0])
})

it('counts no beat before what had come by the last one was read', async () => {
  const { clock, time } = start()
  let beats = 0
  time.onBeat(() => beats++)
  clock.advance(3_000)
  expect(time.nowMs()).toBe(2_000)
  await new Promise(setImmediate)
  expect(beats).toBe(1)
})

it.each([
  [0.5, 1],
  [4, 1],
  [400, 100],
  [100_000, 1_000],
])('beats in time for a timeout of %d ms: every %d ms', (timeoutMs, beatMs) => {
  const { time } = start(timeoutMs)
  expect(time.beatMs).toBe(beatMs)
})

it('calls back when the time has passed in which the thread was not held up', async () => {
  const { clock, time } = start()
  const calls: string[] = []
  time.after(3_000, () => calls.push('done'))
  time.after(3_000, () => calls.push('cancelled')).cancel()
  await clock.pass(1_500, 500)
  clock.jump(PAUSE_MS)
  // Half of a beat was left, and counts.
  await clock.pass(999, 500)
  expect(calls).toEqual([])
  await clock.pass(501, 500)
  expect(calls).toEqual(['done'])
  time.stop()
  expect(clock.timerCount).toBe(0)
})

it('calls nobody back who cancels between the end of the time and the poll', async () => {
  const { clock, time } = start()
  const calls: string[] = []
  const timer = time.after(500, () => calls.push('cancelled'))
  time.onBeat(() => calls.push('stopped'))
  clock.advance(1_000)
  timer.cancel()
  time.stop()
  await new Promise(setImmediate)
  expect(calls).toEqual([])
})

it.each(['a beat', 'a callback'])('lets what has come be read before %s', async what => {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const peer = connect((server.address() as AddressInfo).port, '127.0.0.1')
  const [socket] = (await once(server, 'connection')) as [Socket]
  server.close()
  opened.push(socket, peer)
  const { clock, time } = start()
  const events: string[] = []
  socket.on('data', () => events.push('read'))
  if (what === 'a beat') time.onBeat(() => events.push('judged'))
  else time.after(1_000, () => events.push('judged'))
  await atTimers()
  // It lies in the kernel at once: the peer of the loopback has sent it when `write` returns.
  peer.write('x')
  clock.jump(PAUSE_MS)
  clock.advance(0)
  while (events.length < 2) await new Promise(setImmediate)
  expect(events).toEqual(['read', 'judged'])
})

it('gives work that is waited for the time in which the thread was not held up', async () => {
  const clock = new FakeClock()
  let inTime: boolean | undefined
  void doneWithin(clock, 4_000, new Promise(() => {})).then(done => {
    inTime = done
  })
  await clock.pass(1_000, 500)
  clock.jump(PAUSE_MS)
  await clock.pass(1_999, 500)
  expect(inTime).toBeUndefined()
  await clock.pass(1, 500)
  expect(inTime).toBe(false)
  expect(clock.timerCount).toBe(0)
  expect(await doneWithin(clock, 4_000, Promise.resolve())).toBe(true)
  await expect(doneWithin(clock, 4_000, Promise.reject(new Error('no')))).rejects.toThrow('no')
  expect(clock.timerCount).toBe(0)
})
