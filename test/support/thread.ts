/** Real threads for tests: bodies are the files of test/support/threads, told what to do by `workerData`. */
import { once } from 'node:events'
import { type Transferable, Worker } from 'node:worker_threads'

const running = new Set<Worker>()

export function startThread(name: string, data: object, transferList: Transferable[] = []): Worker {
  const worker = new Worker(new URL(`./threads/${name}.js`, import.meta.url), {
    workerData: data,
    transferList,
  })
  running.add(worker)
  worker.on('exit', () => running.delete(worker))
  return worker
}

/** The thread's report; an error in the thread is thrown here. */
export async function reportOf<T>(worker: Worker): Promise<T> {
  const [report] = (await once(worker, 'message')) as [T]
  return report
}

/** For `afterEach`: a thread that hangs ends with its test. */
export async function terminateThreads(): Promise<void> {
  await Promise.all([...running].map(worker => worker.terminate()))
}
