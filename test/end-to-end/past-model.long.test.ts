// The tests of past-model.test.ts, the long way.
import './past-model.test.js'
