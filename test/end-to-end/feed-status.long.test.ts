// The tests of feed-status.test.ts, the long way.
import './feed-status.test.js'
