import { expect, it } from 'vitest'
import { protobuf } from '../../../src/common/protobufjs.js'
import { checkForeignFeed } from '../../../src/sources/schema/foreign-feed.js'
import type { MappingPaths } from '../../../src/sources/schema/mapping-check.js'

/** @param fields of the streamed message M */
function check(fields: string, mapping: MappingPaths) {
  const { root } = protobuf.parse(
    `syntax = "proto2"; message T { optional string symbol = 1; } message L { repeated T t = 1; }
     message E { oneof e { T a = 1; T b = 2; } } message H { optional E inner = 1; }
     message Q {} message M { ${fields} }
     service S { rpc Go (Q) returns (stream M); }`,
    { keepCase: true },
  )
  root.resolveAll()
  return checkForeignFeed(root, { method: 'S/Go', mapping })
}

it.each([
  {
    what: 'ticks that are groups',
    fields: 'repeated group Tick = 1 { optional string symbol = 2; }',
    mapping: { repeated: 'tick', symbol: 'symbol' },
    fault: { option: 'repeated', given: 'tick', problem: 'must lead through messages, and tick is a group' },
  },
  {
    what: 'ticks in whatever case of a oneof is set',
    fields: 'oneof e { L a = 1; L b = 2; }',
    mapping: { repeated: 'e.t', symbol: 'symbol' },
    fault: {
      ...{ option: 'repeated', given: 'e.t' },
      problem: 'must name a case of the oneof e, and not the oneof',
    },
  },
  {
    what: 'a kind that is a oneof within a oneof',
    fields: 'optional string symbol = 1; oneof w { E c = 3; E d = 4; }',
    mapping: { symbol: 'symbol', kind: 'w.e' },
    fault: {
      ...{ option: 'kind', given: 'w.e' },
      problem: 'must name a field of M, and no oneof within another one',
    },
  },
  {
    what: 'a kind that is a oneof in each of several cases',
    fields: 'optional string symbol = 1; oneof w { H c = 3; H d = 4; }',
    mapping: { symbol: 'symbol', kind: 'w.inner.e' },
    fault: {
      ...{ option: 'kind', given: 'w.inner.e' },
      problem: 'must name one oneof, and several cases on the way have one',
    },
  },
])('names the setting of what no codec can follow: $what', ({ fault, fields, mapping }) => {
  expect(check(fields, mapping).faults).toEqual([fault])
})

it('takes the ticks of one case of a oneof', () => {
  const { feed } = check('oneof e { L a = 1; L b = 2; }', { repeated: 'a.t', symbol: 'symbol' })
  expect(feed).toMatchObject({ method: { form: 'batch' }, withoutSymbol: [] })
})
