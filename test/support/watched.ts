/** State that tests wait on: no sleeps, no polling. Whoever changes it calls `changed`. */
export class Watched {
  private waiting: (() => void)[] = []

  protected changed(): void {
    const waiting = this.waiting
    this.waiting = []
    for (const look of waiting) look()
  }

  /** Resolves as soon as `holds` is true; the test's timeout is the bound. */
  async until(holds: () => boolean): Promise<void> {
    while (!holds()) await new Promise<void>(resolve => this.waiting.push(resolve))
  }
}
