/**
 * How far a test goes: as far as is needed to have used each mechanism once in `npm test`, much farther in `npm run test:long`. A file
 * `name.long.test.ts` runs the tests of `name.test.ts` the long way, or holds tests that are long in any case.
 */
import { inject } from 'vitest'

declare module 'vitest' {
  interface ProvidedContext {
    /** Set in vitest.config.js. */
    readonly isLong: boolean
  }
}

export function extent<Value>(short: Value, long: Value): Value {
  return inject('isLong') ? long : short
}
