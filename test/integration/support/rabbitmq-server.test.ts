import { connect } from 'amqplib'
import { expect, it } from 'vitest'
import { createTestVhost } from '../../support/broker.ts'
import { startRabbitmq } from '../../support/rabbitmq-server.ts'

/** A node takes four seconds to start on an idle machine, and many times that on a busy one. */

async function visit(url: string): Promise<void> {
  const connection = await connect(url, { timeout: 2_000 })
  connection.on('error', () => undefined)
  await connection.close()
}

it('is reached by its own rabbitmqctl, and comes back after a stop and a kill', async () => {
  await using server = await startRabbitmq()
  await visit(server.url)
  expect(await server.ctl('list_vhosts', 'name')).toContain('/')
  expect(await server.eval('1 + 1')).toContain('2')

  const before = server.pid
  await server.stop()
  await expect(visit(server.url)).rejects.toThrow()
  await server.start()
  await visit(server.url)
  await server.kill('SIGKILL')
  await expect(visit(server.url)).rejects.toThrow()
  await server.start()

  await visit(server.url)
  expect(server.pid).not.toBe(before)
})

it('does not answer while it is paused', async () => {
  await using server = await startRabbitmq()
  server.pause()
  await expect(visit(server.url)).rejects.toThrow()
  server.resume()
  await visit(server.url)
})

it('gives each test a vhost of its own, without what others declared', async () => {
  await using one = await createTestVhost()
  await using other = await createTestVhost()
  const connection = await connect(one.url)
  const channel = await connection.createChannel()
  await channel.assertQueue('theirs', { durable: true, arguments: { 'x-queue-type': 'quorum' } })
  await connection.close()

  const stranger = await connect(other.url)
  const probe = await stranger.createChannel()
  probe.on('error', () => undefined)
  await expect(probe.checkQueue('theirs')).rejects.toThrow('NOT_FOUND')
  await stranger.close()
})
