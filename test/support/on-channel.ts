import { connect, type Channel } from 'amqplib'

/** Says something to a broker on a channel and connection of its own, which end with it. */
export async function onChannel<T>(url: string, work: (channel: Channel) => Promise<T>): Promise<T> {
  const connection = await connect(url, { timeout: 5_000 })
  connection.on('error', () => undefined) // What goes wrong fails the call that it went wrong in.
  try {
    const channel = await connection.createChannel()
    channel.on('error', () => undefined)
    return await work(channel)
  } finally {
    await connection.close().catch(() => undefined)
  }
}
