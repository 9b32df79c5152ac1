/**
 * The attacker's process. It runs with the lowest priority, so that the measurement shows the gateway, not a
 * competition for the processor.
 */
import { constants, setPriority } from 'node:os'
import type { AttackReport, Target } from './attack.js'
import { attackNamed } from './attacks.js'

setPriority(constants.priority.PRIORITY_LOW)

async function attack(name: string, target: Target): Promise<AttackReport> {
  try {
    return await attackNamed(name).run!(target)
  } catch (error) {
    return { done: 'it could not go on', violations: [(error as Error).message] }
  }
}

process.on('message', async ({ id, name, target }: { id: number; name: string; target: Target }) => {
  process.send?.({ id, answer: await attack(name, target) })
})
// This process ends with its parent.
process.on('disconnect', () => process.exit())
process.stdout.write('{"ready":true}\n')
