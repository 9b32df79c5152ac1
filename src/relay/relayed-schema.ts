/** The schema of the ticks of a feed as they stand in the stream: each message holds many of them. Any thread. Pure. */
import { TICKS_FIELD } from '../sources/nats/stream-message.js'
import { tickPlan } from '../ticks/schema/tick-plan.js'
import type { TickSchema } from '../ticks/tick-schema.js'

/** The message that a feed does not have. */
const MESSAGE = 'RingcastRelayedTicks'
const TICKS = 'ticks'

/** @throws RingcastError `option_invalid`, see `tickPlan` */
export function relayedSchema(schema: TickSchema): TickSchema {
  const { type } = tickPlan(schema)
  const message = { fields: { [TICKS]: { rule: 'repeated', type: type.fullName, id: TICKS_FIELD } } }
  const { nested, ...others } = schema.types
  return {
    types: { ...others, nested: { ...(nested as object), [MESSAGE]: message } },
    message: MESSAGE,
    mapping: { ...schema.mapping, repeated: TICKS },
  }
}
