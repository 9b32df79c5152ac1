/**
 * Chooses between the two methods of a feed, which may lack one of them. Main thread.
 * The preferred method is called first. If the feed lacks it, the other one is called, once for each try.
 */
import type { MessageForm } from '../../ingest/tick-sink.js'

export class MethodChoice {
  private readonly preferred: MessageForm
  private _form: MessageForm
  /** Whether `form` is the other method and the feed has yet to accept the call. */
  private isTryingOther = false

  constructor(preferred: MessageForm) {
    this.preferred = preferred
    this._form = preferred
  }

  /** The form of the messages of the method to call. */
  get form(): MessageForm {
    return this._form
  }

  /** The feed lacks the method. Returns whether the other one is left to be called. */
  switchToOther(): boolean {
    if (this.isTryingOther) return false
    this.isTryingOther = true
    this._form = this._form === 'batch' ? 'tick' : 'batch'
    return true
  }

  /** The feed has accepted the call: this method stays the chosen one. */
  accepted(): void {
    this.isTryingOther = false
  }

  /** The try has failed. If the feed accepted neither method, the next try begins with the preferred one. */
  failed(): void {
    if (this.isTryingOther) this._form = this.preferred
    this.isTryingOther = false
  }
}
