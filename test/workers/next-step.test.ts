import { expect, it } from 'vitest'
import {
  COMMIT,
  type LaneSituation,
  nextStep,
  PACED_TURN,
  PROMPT_TURN,
  READ,
  SLEEP_FOR_ROOM,
  SLEEP_FOR_WORK,
  type Step,
} from '../../workers/next-step.js'

/** After a reading that found nothing, with nothing to publish. */
const IDLE: LaneSituation = {
  hasRead: false,
  hasReplied: false,
  hasCommitted: false,
  canReplyPromptly: false,
  hasTurn: false,
  turnsAhead: 0,
}

it.each<[string, Partial<LaneSituation>, Step]>([
  ['commits all that was read when nothing is collected', { hasRead: true }, COMMIT],
  ['commits before it sleeps', {}, COMMIT],
  ['reads on after a commit while there are records', { hasRead: true, hasCommitted: true }, READ],
  ['sleeps for work when the log is read to its end', { hasCommitted: true }, SLEEP_FOR_WORK],
  ['publishes at once to an idle transmitter', { hasTurn: true, hasRead: true }, PACED_TURN],
  ['reads on while the transmitter is busy', { hasTurn: true, hasRead: true, turnsAhead: 1 }, READ],
  ['publishes a second turn when it has read all', { hasTurn: true, turnsAhead: 1 }, PACED_TURN],
  ['reads on behind two turns', { hasTurn: true, hasRead: true, turnsAhead: 2 }, READ],
  ['sleeps for room behind two turns', { hasTurn: true, turnsAhead: 2 }, SLEEP_FOR_ROOM],
  ['never commits while a turn is collected', { hasTurn: true, turnsAhead: 2 }, SLEEP_FOR_ROOM],
  ['replies promptly before all else', { canReplyPromptly: true, hasTurn: true, hasRead: true }, PROMPT_TURN],
  [
    'replies promptly behind two turns',
    { canReplyPromptly: true, hasTurn: true, turnsAhead: 2 },
    PROMPT_TURN,
  ],
  [
    'publishes a paced turn after a prompt one, though more clients wait',
    { canReplyPromptly: true, hasReplied: true, hasTurn: true },
    PACED_TURN,
  ],
  [
    'reads before the next prompt turn',
    { canReplyPromptly: true, hasReplied: true, hasTurn: true, turnsAhead: 2 },
    READ,
  ],
  ['commits after the last prompt reply', { hasReplied: true }, COMMIT],
  ['sleeps after the last prompt reply', { hasReplied: true, hasCommitted: true }, SLEEP_FOR_WORK],
])('a lane %s', (_, situation, step) => {
  expect(nextStep({ ...IDLE, ...situation })).toBe(step)
})
