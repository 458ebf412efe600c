import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { composeRelays } from '../../../relay/compose.ts'
import { readConfig } from '../../../relay/config.ts'
import { silentLogger } from '../../../src/ports.ts'
import { createTestVhost } from '../../support/broker.ts'
import { createTestDatabase } from '../../support/database.ts'
import { eventually } from '../../support/eventually.ts'
import { startTcpProxy } from '../../support/tcp-proxy.ts'
import { createTempDir } from '../../support/temp-dir.ts'

test('a relay reads the file of the broker’s address anew for each connection', async () => {
  await using database = await createTestDatabase({ schema: 'waybill' })
  await using vhost = await createTestVhost()
  const { hostname, port } = new URL(vhost.url)
  await using proxy = await startTcpProxy({ host: hostname, port: Number(port) })
  await using folder = await createTempDir('address')
  const file = join(folder.path, 'amqp-url')
  const say = (password: string): void => {
    const url = new URL(proxy.url(vhost.url))
    url.password = password
    writeFileSync(file, `${url.href}\n`)
  }
  const { password } = new URL(vhost.url)
  say('not yet the right one')
  const config = readConfig('relay', {
    env: {
      WAYBILL_DATABASE_URL: database.url,
      WAYBILL_AMQP_URL_FILE: file,
      WAYBILL_HEALTH_LISTEN: '127.0.0.1:0',
      WAYBILL_AMQP_RECONNECT_MAX_MS: '200',
    },
  })
  let refusals = 0
  const logger = { ...silentLogger, error: () => void (refusals += 1) }
  const composed = await composeRelays(config, {
    logger,
    refuse: () => undefined,
    version: '0.0.0',
  })
  const running = composed.relays.run()
  const becomes = async (isReady: boolean): Promise<void> => {
    await eventually(() =>
      composed.relays.status().every(({ publisher }) => (publisher === 'ready') === isReady),
    )
  }
  await eventually(() => refusals > 0)
  say(password)
  await becomes(true)
  // Half written, as whoever reads in between finds it.
  writeFileSync(file, '')
  expect(config.amqpUrl).toThrow('empty')
  proxy.reset()
  await becomes(false)
  say(password)
  await becomes(true)
  await composed.close()
  await running
})
