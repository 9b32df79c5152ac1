/**
 * A small seeded generator of random numbers: sfc32 by Chris Doty-Humphrey, with a mean period of about 2^128.
 * Any thread. The same seed gives the same numbers on every machine.
 */
export class Random {
  private a: number
  private b: number
  private c: number
  private count = 1

  /** @param seed any whole number below 2^53 */
  constructor(seed: number) {
    this.a = 0
    this.b = seed >>> 0
    this.c = Math.floor(seed / 2 ** 32) >>> 0
    // The first numbers of similar seeds are similar.
    for (let i = 0; i < 12; i++) this.next()
  }

  /** 0 up to, not including, 1, in steps of 2^-32. */
  next(): number {
    const sum = (this.a + this.b + this.count) | 0
    this.count = (this.count + 1) | 0
    this.a = this.b ^ (this.b >>> 9)
    this.b = (this.c + (this.c << 3)) | 0
    this.c = (((this.c << 21) | (this.c >>> 11)) + sum) | 0
    return (sum >>> 0) / 4_294_967_296
  }

  /** 0 up to, not including, `end`. */
  below(end: number): number {
    return Math.floor(this.next() * end)
  }

  /** Exponentially distributed, as the wait for an event that happens every `mean` on average. */
  exponential(mean: number): number {
    return -mean * Math.log(1 - this.next())
  }
}
