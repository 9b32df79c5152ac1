/**
 * What a source remembers of its feed from session to session, to go on where it was. Main thread.
 * The sources of several endpoints of one feed share it.
 */
export class FeedMemory {
  /** The feed's epoch in the last session; undefined: there was none, or it named none. */
  epoch: string | undefined
  /** Whether a message of that epoch was pushed. Before that, the sink's last position is of another epoch. */
  hasPushed = false
  /** Whether a session must end because it is of an epoch that cannot be read beside the present one. */
  isRefused: (epoch: string | undefined) => boolean = () => false
}
