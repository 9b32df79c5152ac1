/** Finds a mapped field on a tape. One for each mapped field of a reader. */

import type { FieldPlan, MessagePlan } from './message-plan.js'
import type { Branch } from './schema-paths.js'

export class SlotPath {
  /** The field of the branch that was found last. */
  field: FieldPlan
  private readonly slots: readonly (readonly number[])[]
  private readonly fields: readonly FieldPlan[]

  /** @param plan of the message at which the branches begin @param branches at least one, none of them empty */
  constructor(plan: MessagePlan, branches: readonly Branch[]) {
    const paths = branches.map(branch => fieldPlans(plan, branch))
    this.slots = paths.map(path => path.map(({ slot }) => slot))
    this.fields = paths.map(path => path.at(-1)!)
    this.field = this.fields[0]!
  }

  /** @returns the index of the field's first word; 0 when the message that has the field is not there */
  find(words: Int32Array, root: number): number {
    const { fields, slots } = this
    for (let branch = 0; branch < slots.length; branch++) {
      const path = slots[branch]!
      let frame = root
      for (let step = 0; step < path.length - 1 && frame !== 0; step++) frame = words[frame + path[step]!]!
      if (frame === 0) continue
      this.field = fields[branch]!
      return frame + path[path.length - 1]!
    }
    return 0
  }
}

export function fieldPlans(plan: MessagePlan, branch: Branch): FieldPlan[] {
  let message: MessagePlan | undefined = plan
  return branch.map(({ id }) => {
    const field: FieldPlan = message!.fieldOf(id)!
    message = field.child
    return field
  })
}
