// The tests of lane-memory.test.ts, the long way.
import './lane-memory.test.js'
