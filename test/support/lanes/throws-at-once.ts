/** A lane that throws before its heartbeat has moved. */
export default function runLane(): never {
  throw new Error('a lane that cannot begin')
}
