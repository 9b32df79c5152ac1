/**
 * Asks the gateways of a group, and collects what they answer in time. Main thread of the first process.
 */
import type { Clock } from '../../common/clock.js'
import type { GatewayProcess } from './gateway-process.js'
import type { Answers, Question } from './group-messages.js'

/** A gateway that has not answered by then is left out: it starts, has ended, or hangs. */
const ANSWER_MS_MAX = 1000

interface Asked {
  readonly answers: unknown[]
  waitsFor: number
  readonly done: () => void
}

export class GroupQuestions {
  private readonly clock: Pick<Clock, 'after'>
  private readonly asked = new Map<number, Asked>()
  private lastNumber = 0

  constructor(clock: Pick<Clock, 'after'>) {
    this.clock = clock
  }

  /** @returns the answers that came in time, in the order in which they came */
  async ask<Kind extends Question['kind']>(
    processes: readonly GatewayProcess[],
    question: Question & { readonly kind: Kind },
  ): Promise<Answers[Kind][]> {
    if (processes.length === 0) return []
    const number = ++this.lastNumber
    const answers: unknown[] = []
    await new Promise<void>(resolve => {
      const timer = this.clock.after(ANSWER_MS_MAX, () => done())
      const done = (): void => {
        timer.cancel()
        this.asked.delete(number)
        resolve()
      }
      this.asked.set(number, { answers, waitsFor: processes.length, done })
      for (const process of processes) process.send({ op: 'ask', number, question })
    })
    return answers as Answers[Kind][]
  }

  answered(number: number, answer: unknown): void {
    const asked = this.asked.get(number)
    if (asked === undefined) return
    asked.answers.push(answer)
    if (--asked.waitsFor === 0) asked.done()
  }
}
