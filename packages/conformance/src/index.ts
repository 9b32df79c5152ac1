export { type ConformanceCase, readCases, type Step } from './conformance-case.js'
export { FakeTime } from './fake-time.js'
export {
  type DrivenClient,
  type DrivenSubscription,
  type Driver,
  type DriverDeps,
  runCase,
} from './runner.js'
export { ScriptedServer } from './scripted-server.js'
export type { Server, ServerConnection, SocketClass } from './server.js'
