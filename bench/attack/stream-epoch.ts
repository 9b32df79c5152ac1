import { CommandClient } from './command-client.js'

/** The epoch of the gateway's stream, for clients that resume. */
export async function streamEpoch(port: number): Promise<string> {
  let tell: (epoch: string) => void = () => {}
  const told = new Promise<string>(resolve => {
    tell = resolve
  })
  const { connection } = await CommandClient.connect({
    port,
    query: '?symbols=NONE',
    onMessage: message => {
      if (message.type === 'subscribed') tell(message.epoch)
    },
  })
  const epoch = await told
  connection.end()
  return epoch
}
