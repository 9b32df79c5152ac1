// The tests of feed-past-model.test.ts, the long way.
import './feed-past-model.test.js'
