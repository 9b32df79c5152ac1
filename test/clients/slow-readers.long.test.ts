// The tests of slow-readers.test.ts, the long way.
import './slow-readers.test.js'
