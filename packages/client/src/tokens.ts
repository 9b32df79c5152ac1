/** The token of the client: asked for only when there is none, or the gateway has refused the last one. */
import type { GetToken } from './environment.js'

export class Tokens {
  private readonly getToken: GetToken | undefined
  private token: string | undefined
  /** Whether the gateway has accepted the present token. */
  private isProven = false

  constructor(getToken: GetToken | undefined) {
    this.getToken = getToken
  }

  /** Whether a connection begins with a token. */
  get isUsed(): boolean {
    return this.getToken !== undefined || this.token !== undefined
  }

  set(token: string): void {
    this.token = token
    this.isProven = false
  }

  /** Rejects as `getToken` does. */
  async get(): Promise<string> {
    this.token ??= await this.getToken!()
    return this.token
  }

  async renew(): Promise<string | undefined> {
    if (this.getToken === undefined) return undefined
    this.token = await this.getToken()
    this.isProven = false
    return this.token
  }

  accepted(): void {
    this.isProven = true
  }

  /** The gateway does not accept the token. @returns whether another one can be asked for */
  refused(): boolean {
    const wasProven = this.isProven
    this.token = undefined
    this.isProven = false
    // A token that was never accepted came from the same place as the next one would.
    return this.getToken !== undefined && wasProven
  }
}
