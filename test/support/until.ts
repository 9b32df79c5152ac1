import { setTimeout } from 'node:timers/promises'

/** So many looks follow one another at once: most conditions hold after a few turns of the event loop. */
const PROMPT_LOOKS = 20

/** Waits for a condition without an event, and leaves the processor to the threads that it waits for. The test's timeout bounds it. */
export async function until(holds: () => boolean): Promise<void> {
  for (let look = 0; !holds(); look++)
    if (look < PROMPT_LOOKS) await new Promise(setImmediate)
    else await setTimeout(1)
}
