// The tests of endpoints.test.ts, the long way.
import './endpoints.test.js'
