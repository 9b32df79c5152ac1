/**
 * Loads a lane on a thread of Piscina. Piscina requires its file, and Node 20 may end the whole process when a thread is
 * ended while it requires an ES module. To import one is safe.
 */

interface EntryTask {
  /** URL of an ES module whose default export runs a lane. */
  readonly file: string
  readonly task: unknown
}

module.exports = async function runLane({ file, task }: EntryTask): Promise<void> {
  const { default: run } = (await import(file)) as { default: (task: unknown) => Promise<void> }
  await run(task)
}
