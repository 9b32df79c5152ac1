/** A lane that fails before it has shown any life. */
export default function runLane(): never {
  throw new Error('a lane that cannot begin')
}
