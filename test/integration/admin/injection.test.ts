import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ROUTES } from '../../../relay/admin/routes/api.ts'
import { LETTER_FILTER } from '../../../relay/admin/schemas/filters.ts'
import { createAdminWorld, type AdminWorld, type Answered } from './world.ts'

let here: AdminWorld
let letter: string
beforeAll(async () => {
  here = await createAdminWorld({
    admin: { limits: { denialsPerMinute: 100_000, changesPerMinute: 100_000, readsPerMinute: 100_000 } },
  })
  letter = await here.world.fail({ consumer: 'billing' })
  await here.world.park()
})
afterAll(async () => {
  expect(await here.world.state(letter)).toBe('dead')
  await here[Symbol.asyncDispose]()
})

const ATTACKS = [
  `'; drop table waybill.failure; --`,
  `' or '1'='1`,
  `$1) or (1=1`,
  `\\'; select pg_sleep(10); --`,
  `%`,
  `\${jndi:ldap://x}`,
  `x\r\nset-cookie: a=b`,
  `\u0000`,
]
/** What a request with an attack in it may be answered: that nothing is found, or that it cannot be meant. */
const HARMLESS = [200, 400, 404]

interface ObjectSchema {
  readonly properties: Readonly<Record<string, object>>
}

const membersOf = (schema: unknown): string[] => Object.keys((schema as ObjectSchema).properties)

/** Every parameter of a query that there is, with the list that it belongs to. */
const FILTERS = ROUTES.flatMap(({ path, query }) =>
  query === undefined
    ? []
    : membersOf(query).map((name) => ({ path: path.replace('{id}', idFor(path)), name })),
)

function idFor(path: string): string {
  return path.startsWith('/bulk') ? 'bulk-1' : 'in-1'
}

/** Nothing of the attack has become a header, and no answer tells of statements, tables or files. */
function checkHarmless(answer: Answered, attack: string): void {
  expect(HARMLESS, attack).toContain(answer.status)
  expect(answer.headers.get('set-cookie'), attack).toBeNull()
  // A name or an id is answered as it was asked for.
  const told = answer.text.replaceAll(JSON.stringify(attack).slice(1, -1), '')
  expect(told, attack).not.toMatch(/syntax error|pg_|\brelation\b|select |\.ts\b|node_modules/i)
}

describe('an attack', () => {
  it('has every list to try', () => {
    expect(FILTERS.length).toBeGreaterThan(40)
    expect(new Set(FILTERS.map(({ path }) => path))).toEqual(
      new Set([
        ...['/failure-groups', '/dead-letters', '/dead-letters/in-1/attempts', '/dead-letters/in-1/waiting'],
        ...['/outbox-messages', '/bulk-operations', '/bulk-operations/bulk-1/items', '/audit-events'],
      ]),
    )
  })

  it.each(FILTERS)('in the filter $name of $path is a text and nothing else', async ({ path, name }) => {
    for (const attack of ATTACKS) {
      const query = `${name}=${encodeURIComponent(attack)}`
      const answer = await here.api.get(`/api/v1${path}?${query}`, { as: 'otto' })
      checkHarmless(answer, attack)
      if (answer.status === 200) expect(answer.body, attack).toMatchObject({ items: [] })
      // What was sent could be a secret in the wrong place.
      if (answer.status === 400) expect(answer.text).not.toContain('drop table')
    }
  })

  it.each(membersOf(LETTER_FILTER))('in the filter %s of a bulk operation chooses nothing', async (name) => {
    for (const attack of ATTACKS) {
      const body = { action: 'discard', reason: 'x', filter: { [name]: attack }, dry_run: true }
      const answer = await here.api.post('/api/v1/bulk-operations', { body })
      checkHarmless(answer, attack)
      if (answer.status === 200) expect(answer.body, attack).toMatchObject({ matched: { count: 0 } })
      const started = await here.api.post('/api/v1/bulk-operations', { body: { ...body, dry_run: false } })
      expect([400, 409], attack).toContain(started.status)
    }
  })

  it.each(['ids', 'rate', 'max', 'canary', 'stop_after', 'expected_count', 'confirm', 'action'])(
    'in %s of a bulk operation is refused',
    async (name) => {
      for (const attack of ATTACKS)
        for (const value of [attack, [attack]]) {
          const body = { action: 'replay', filter: { consumer: 'billing' }, [name]: value }
          const answer = await here.api.post('/api/v1/bulk-operations', { body })
          expect(answer, attack).toMatchObject({ status: 400, body: { code: 'invalid_request' } })
        }
    },
  )

  it.each([
    '/messages/{}',
    '/conversations/{}',
    '/dead-letters/{}',
    '/dead-letters/{}/payload',
    '/dead-letters/{}/attempts',
    '/bulk-operations/{}',
    '/bulk-operations/{}/items',
  ])('in the path %s finds nothing', async (path) => {
    for (const attack of [...ATTACKS, '../../../etc/passwd', '..%2f..%2fetc%2fpasswd']) {
      const answer = await here.api.get(`/api/v1${path.replace('{}', encodeURIComponent(attack))}`, {
        as: 'ada',
      })
      checkHarmless(answer, attack)
      expect(answer.text, attack).not.toContain('billing')
    }
  })

  it.each(['consumers', 'relays'])('in the name of %s is a name', async (kind) => {
    for (const attack of ATTACKS) {
      const place = `/api/v1/${kind}/${encodeURIComponent(attack)}`
      const paused = await here.api.post(`${place}/pause`, { body: { reason: attack } })
      checkHarmless(paused, attack)
      if (paused.status === 200) expect(paused.body).toMatchObject({ name: attack })
      checkHarmless(await here.api.post(`${place}/resume`), attack)
    }
    expect((await here.api.get('/api/v1/stats')).body).toMatchObject({ paused: [] })
  })

  it.each(['if-match', 'idempotency-key', 'traceparent', 'x-request-id', 'accept', 'content-type'])(
    'in the header %s changes nothing',
    async (name) => {
      for (const attack of ATTACKS.filter((text) => /^[\x20-\x7e]+$/.test(text))) {
        const answer = await here.api.post(`/api/v1/dead-letters/${letter}/discard`, {
          headers: { 'if-match': '"99"', [name]: attack },
          body: { reason: 'x' },
        })
        expect([400, 406, 412, 415], attack).toContain(answer.status)
        expect(answer.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/)
        expect(
          JSON.stringify((await here.audit()).map(({ requestId, traceId }) => [requestId, traceId])),
        ).not.toContain('drop table')
      }
    },
  )

  it('has left every table, every row and no fault that nobody has foreseen', async () => {
    const { rows } = await here.world.pool.query(
      'select (select count(*)::int from waybill.failure) as failures, (select count(*)::int from waybill.parked) as parked',
    )
    expect(rows).toEqual([{ failures: 1, parked: 1 }])
    expect(here.log.filter((line) => line.includes('nobody has foreseen'))).toEqual([])
  })
})
