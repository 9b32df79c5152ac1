// The long way: the client is silent for 75 s.
import './proxies.test.js'
