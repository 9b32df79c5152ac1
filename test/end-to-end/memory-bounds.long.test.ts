// The tests of memory-bounds.test.ts, the long way.
import './memory-bounds.test.js'
