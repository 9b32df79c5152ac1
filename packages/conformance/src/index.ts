export { type ConformanceCase, readCases, type Step } from './conformance-case.js'
export { FakeTime } from './fake-time.js'
export {
  type DrivenClient,
  type DrivenSubscription,
  type Driver,
  type DriverDeps,
  runCase,
} from './runner.js'
export { ScriptedServer, ScriptedSocket } from './scripted-server.js'
