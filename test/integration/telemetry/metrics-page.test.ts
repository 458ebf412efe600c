import { expect, test } from 'vitest'
import { createTestVhost } from '../../support/broker.ts'
import { startChild } from '../../support/child.ts'
import { createTestDatabase } from '../../support/database.ts'
import { eventually } from '../../support/eventually.ts'
import PACKAGE from '../../../package.json' with { type: 'json' }
import { freePort } from '../../support/free-port.ts'

test('the page of a relay process has what it counts in the database, and what operators do', async () => {
  await using database = await createTestDatabase({ schema: 'waybill' })
  await using vhost = await createTestVhost()
  const [health, admin] = [await freePort(), await freePort()]
  await using _relay = startChild('relay/main.ts', {
    args: ['relay'],
    env: {
      WAYBILL_DATABASE_URL: database.url,
      WAYBILL_AMQP_URL: vhost.url,
      WAYBILL_HEALTH_LISTEN: `127.0.0.1:${String(health)}`,
      WAYBILL_ADMIN_LISTEN: `127.0.0.1:${String(admin)}`,
      WAYBILL_ADMIN_AUTH: 'none',
      WAYBILL_SAMPLE_MS: '100',
      WAYBILL_OUTBOX: 'orders',
    },
  })
  const api = `http://127.0.0.1:${String(admin)}/api/v1`
  const page = async (): Promise<string> => (await fetch(`http://127.0.0.1:${String(health)}/metrics`)).text()
  await eventually(async () => (await fetch(`${api}/me`)).status === 200)
  expect((await fetch(`${api}/dead-letters/in-1`)).status).toBe(404)
  for (const expected of [
    /^outbox_pending_messages\{outbox="orders"\} 0$/m,
    /^outbox_table_bytes\{.*table="outbox",kind="index"\} [1-9]/m,
    /^outbox_cleanup_last_success_timestamp_seconds\{outbox="orders"\} [1-9]/m,
    /^admin_http_request_duration_seconds_count\{.*route="\/api\/v1\/me".*\} [1-9]/m,
    /^admin_actions_total\{action="dead-letters.replay",outcome="ok"\} 0$/m,
    new RegExp(
      `^outbox_build_info\\{version="${PACKAGE.version}",node="${process.version}",semconv="1\\.44"\\} 1$`,
      'm',
    ),
  ]) {
    await eventually(async () => expected.test(await page()))
  }
})
