/**
 * A token bucket for each address. Main thread. An address without a bucket has a full one.
 */
import type { TokenBucket } from '../common/token-bucket.js'

/** Full buckets that are looked for with each new address: as many as come go, and one more. */
const FORGOTTEN_PER_ADDRESS = 2

export class AddressBuckets {
  private readonly make: () => TokenBucket
  private readonly byAddress = new Map<string, TokenBucket>()

  /** @param make a full bucket */
  constructor(make: () => TokenBucket) {
    this.make = make
  }

  get count(): number {
    return this.byAddress.size
  }

  of(address: string): TokenBucket {
    const known = this.byAddress.get(address)
    if (known !== undefined) return known
    this.forgetFull()
    const bucket = this.make()
    this.byAddress.set(address, bucket)
    return bucket
  }

  /** Forgets the oldest buckets if they are full. Others move to the end. */
  private forgetFull(): void {
    let left = FORGOTTEN_PER_ADDRESS
    for (const [address, bucket] of this.byAddress) {
      if (left-- === 0) break
      this.byAddress.delete(address)
      if (!bucket.isFull()) this.byAddress.set(address, bucket)
    }
  }
}
