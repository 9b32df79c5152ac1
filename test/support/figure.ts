/**
 * What a test of a fault has measured, for the scoreboard of `npm run test:faults`.
 */
import 'vitest'
import { getCurrentTest } from 'vitest/suite'

declare module 'vitest' {
  interface TaskMeta {
    /** See `figure`. */
    figure?: string
  }
}

/** Tells the figure of the test that runs, as a text for people. */
export function figure(text: string): void {
  const test = getCurrentTest()
  if (test !== undefined) test.meta.figure = text
}
