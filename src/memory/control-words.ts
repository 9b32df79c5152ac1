/**
 * The control words of one lane: int32 words at the start of the memory that the lane and the main thread share. Layout
 * only; any thread. Each cache line (16 words) has one writer, so that the threads do not slow each other down.
 * WAKE_UPS and the flags are apart.
 */

export const CONTROL_BYTES = 256

// Words 0 to 15: the lane writes.

/** Position after the last published descriptor. */
export const DESCRIPTOR_HEAD = 0
/** Turns that the lane has published. */
export const TURNS_PUBLISHED = 1
/** Position in the free queue: segments before it were taken by the lane. */
export const FREE_TAIL = 2
/** Tick-log position up to which the lane has finished. */
export const COMMITTED_CURSOR = 3
/** Low 32 bits of the serial number of the last tick that the lane has finished with. */
export const COMMITTED_SERIAL = 4
/** Which slot of the committed state counts. */
export const STATE_SLOT = 5
/**
 * Grows with each record that the lane reads and each audience it writes for. A lane that has work while it stands
 * still hangs.
 */
export const HEARTBEAT = 6
/**
 * Low 32 bits of the serial number of the tick that the lane works on; 0 between ticks. Names the suspect when a lane dies.
 */
export const CURRENT_TICK = 7
/** Id of the client that the lane replies to; 0 between replies. Names the suspect when a lane dies. */
export const CURRENT_CLIENT = 8

// Words 16 to 31: the main thread writes.

/** Position after the last descriptor that the main thread has read. */
export const DESCRIPTOR_TAIL = 16
/** Turns that the lane may count as transmitted. */
export const TURNS_CONSUMED = 17
/** Position in the free queue: segments before it were given back. */
export const FREE_HEAD = 18
/** 1: the lane is to end. */
export const STOP = 19
/** What the main thread waits for: the lane wakes the main thread then. */
export const MAIN_WAITS = 20
/** Bit of MAIN_WAITS: the main thread waits until the lane gets further in the tick log. Each commit wakes it. */
export const FOR_COMMIT = 1
/** Bit of MAIN_WAITS: the main thread has more commands for the lane. Room in the command ring wakes it. */
export const FOR_COMMAND_ROOM = 2

// Words 32 to 47: both threads write.

/** Counts wake-ups of the lane; the word that the lane waits on. */
export const WAKE_UPS = 32
/** How the lane sleeps, see lane-wake-up.ts. */
export const LANE_ASLEEP = 33
/** 1 while the main thread wants to be woken. */
export const MAIN_ASLEEP = 34
