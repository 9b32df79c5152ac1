/** The settings of the admin port: of a gateway, and of a relay. Any thread. */
import { filePath, host, listOf, whole } from './setting-types.js'

export const adminSettings = {
  adminHost: host('Address for health checks, metrics and clients', { initial: '127.0.0.1' }),
  adminPort: whole('Port for health checks, metrics and clients; 0: any free one', {
    min: 0,
    max: 65_535,
    initial: 9090,
  }),
  adminTokenFile: filePath(
    'File of a token that callers must send; without it, only this machine is told all',
  ),
  adminNames: listOf('Names by which callers know the admin port, beside addresses and localhost', {
    rule: 'must be host names with commas between them',
    placeholder: 'name,…',
    holds: text => /^[^\s:/[\]]+$/.test(text),
  }),
}
