// The tests of join-transfer.test.ts, the long way.
import './join-transfer.test.js'
