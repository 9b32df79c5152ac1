/** Lets stores show what is new once a frame, all in one task: React then renders them in one commit. */

/** Where there are no frames: in tests without a browser. */
const FRAME_MS = 16

export class FrameQueue {
  private readonly waiting = new Set<() => void>()

  /** Calls back with the next frame. A hidden page has no frames, so nothing is rendered there. */
  add(show: () => void): void {
    this.waiting.add(show)
    if (this.waiting.size > 1) return
    const run = () => {
      const all = [...this.waiting]
      this.waiting.clear()
      for (const each of all) each()
    }
    if (typeof requestAnimationFrame === 'function') requestAnimationFrame(run)
    else setTimeout(run, FRAME_MS)
  }

  delete(show: () => void): void {
    // An empty queue that is filled again would ask for a second frame: its callback then finds nothing.
    this.waiting.delete(show)
  }
}
