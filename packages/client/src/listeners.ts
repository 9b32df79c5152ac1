/** Functions of the caller's that are told of something. */

export type Listener<Item> = (item: Item) => void

export class Listeners<Item> {
  private readonly all = new Set<Listener<Item>>()

  /** @returns a function that removes it. A listener that is added twice is called twice */
  add(listener: Listener<Item>): () => void {
    const added: Listener<Item> = item => listener(item)
    this.all.add(added)
    return () => this.all.delete(added)
  }

  /** A listener that throws costs nobody else an item. Its error is reported like any that nobody catches. */
  tell(item: Item): void {
    for (const listener of this.all) {
      try {
        listener(item)
      } catch (error) {
        queueMicrotask(() => {
          throw error
        })
      }
    }
  }
}
