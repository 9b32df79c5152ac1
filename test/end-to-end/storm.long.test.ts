// The tests of storm.test.ts, the long way.
import './storm.test.js'
