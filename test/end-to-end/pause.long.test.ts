// The tests of pause.test.ts, the long way.
import './pause.test.js'
