/**
 * Counts the objects of this thread that garbage collection leaves, by their class.
 */
import { queryObjects } from 'node:v8'

type Class = abstract new (...args: never[]) => object

/** The living instances of each class, those of its subclasses included. Collects garbage first. */
export function living(...classes: readonly Class[]): Record<string, number> {
  return Object.fromEntries(
    classes.map(each => [each.name, queryObjects(each as never, { format: 'count' }) as unknown as number]),
  )
}
