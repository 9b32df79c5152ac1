/** A server cannot take part: it is not installed, lacks something, or the system forbids it. The message says why. */
export class NotPossible extends Error {}
