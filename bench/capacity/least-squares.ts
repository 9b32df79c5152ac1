/**
 * Coefficients that are costs, and so never below zero.
 */

const ROUNDS = 10_000

/**
 * The coefficients c ≥ 0 for which each row · c is as near to its value as can be, in proportion to that value: the sum of
 * squares of the relative errors is the least. By coordinate descent.
 *
 * @param rows one number for each coefficient
 * @param values one above zero for each row
 */
export function fitCosts(rows: readonly (readonly number[])[], values: readonly number[]): number[] {
  const relative = rows.map((row, index) => row.map(part => part / values[index]!))
  const costs = relative[0]!.map(() => 0)
  const errors = values.map(() => -1)
  for (let round = 0; round < ROUNDS; round++) {
    for (let of = 0; of < costs.length; of++) {
      let slope = 0
      let square = 0
      relative.forEach((row, index) => {
        slope += row[of]! * errors[index]!
        square += row[of]! ** 2
      })
      if (square === 0) continue
      const next = Math.max(0, costs[of]! - slope / square)
      const step = next - costs[of]!
      costs[of] = next
      relative.forEach((row, index) => {
        errors[index]! += row[of]! * step
      })
    }
  }
  return costs
}
