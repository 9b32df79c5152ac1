// The tests of broadcast.test.ts, the long way.
import './broadcast.test.js'
