// The tests of admissions.test.ts, the long way.
import './admissions.test.js'
