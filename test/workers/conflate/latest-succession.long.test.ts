// The tests of latest-succession.test.ts, the long way.
import './latest-succession.test.js'
