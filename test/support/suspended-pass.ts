/**
 * A pass over many members that runs out of time.
 */
import { type FanOut, type Member, ticksIn } from './fan-out.js'

export const COUNT = 100

/** COUNT members of one audience. Some of them have been given a record when the time is up. */
export async function suspendedPass(
  fanOut: FanOut,
): Promise<{ members: [Member, ...Member[]]; giveTime: () => void }> {
  const members = await fanOut.members(COUNT)
  const giveTime = fanOut.withoutTime()
  fanOut.lane.record(fanOut.audience(members[0]).id)
  fanOut.lane.endTurn()
  fanOut.transmitter.wake()
  return { members, giveTime }
}

/** The members that have been given a record. */
export const served = (members: readonly Member[]): Member[] =>
  members.filter(({ socket }) => ticksIn(socket.text).length > 0)
