import { Agent, request } from 'node:http'
import { text } from 'node:stream/consumers'
import pg from 'pg'
import { expect, it } from 'vitest'
import { pgDatabase } from '../../../adapters/pg/index.ts'
import { createOperations } from '../../../src/ports.ts'
import { fakeClock } from '../../../testing/index.ts'
import { checkAnswer } from './conformance.ts'
import { createAdminWorld, TOKENS } from './world.ts'

it('limits what each one asks for, tells how much is left, and lets the others through', async () => {
  const clock = fakeClock()
  await using here = await createAdminWorld({
    admin: { clock, limits: { readsPerMinute: 3, changesPerMinute: 1 } },
  })
  const first = await here.api.get('/api/v1/me')
  expect(first.headers.get('ratelimit-policy')).toBe('"reads";q=3;w=60')
  expect(first.headers.get('ratelimit')).toBe('"reads";r=2;t=60')
  await here.api.get('/api/v1/me')
  await here.api.get('/api/v1/me')
  for (let n = 0; n < 3; n++) {
    const over = await here.api.get('/api/v1/me')
    expect(over).toMatchObject({ status: 429, body: { code: 'rate_limited' } })
    expect(over.headers.get('retry-after')).toBe('60')
  }
  expect((await here.api.get('/api/v1/me', { as: 'otto' })).status).toBe(200)
  expect((await here.api.post('/api/v1/consumers/x/resume')).status).toBe(200)
  expect((await here.api.post('/api/v1/consumers/x/resume')).status).toBe(429)
  const notes = (await here.audit()).filter(({ outcome }) => outcome === 'denied')
  expect(notes.map(({ actor, reason }) => [actor, reason])).toEqual([
    ['otto', 'The budget "changes" is spent.'],
    ['rita', 'The budget "reads" is spent.'],
  ])
  await clock.advance(60_000)
  expect((await here.api.get('/api/v1/me')).status).toBe(200)
})

it('answers 10,000 parallel requests, each as it should be, and keeps the audit from being flooded', async () => {
  await using here = await createAdminWorld({
    admin: { limits: { readsPerMinute: 2000, denialsPerMinute: 50 } },
  })
  const paths = ['/api/v1/me', '/api/v1/dead-letters', '/api/v1/stats']
  const counts = new Map<string, number>()
  const seen: Parameters<typeof checkAnswer>[0][] = []
  const agent = new Agent({ keepAlive: true, maxSockets: 250 })
  const ask = async (n: number): Promise<void> => {
    const path = paths[n % paths.length]!
    const isKnown = n % 2 === 0
    const answer = await get(here.api.url + path, isKnown ? TOKENS.rita : `guess-${n}`, agent)
    const kind = `${isKnown ? 'rita' : 'nobody'} ${answer.status}`
    counts.set(kind, (counts.get(kind) ?? 0) + 1)
    if (n % 100 < 2) seen.push({ method: 'GET', path, ...answer })
  }
  await Promise.all(Array.from({ length: 10_000 }, (_value, n) => ask(n)))
  expect(Object.fromEntries(counts)).toEqual({
    'rita 200': 2000,
    'rita 429': 3000,
    'nobody 401': 50,
    'nobody 429': 4950,
  })
  for (const one of seen) checkAnswer(one)
  const notes = (await here.audit()).filter(({ outcome }) => outcome === 'denied')
  expect(notes).toHaveLength(52)
  expect(JSON.stringify([notes, here.log])).not.toMatch(/guess-\d/)
})

it('says that the database is away, no more, and denies without it too', async () => {
  // Nothing listens at port 1.
  const pool = new pg.Pool({ connectionString: 'postgres://someone@127.0.0.1:1/secret-name' })
  const database = pgDatabase(pool)
  const operations = createOperations({ database })
  const classify = (error: unknown) => database.classify(error)
  await using here = await createAdminWorld({ admin: { operations, classify } })
  const answer = await here.api.get('/api/v1/stats')
  expect(answer).toMatchObject({ status: 503, body: { code: 'database_unavailable' } })
  expect(answer.headers.get('retry-after')).toBe('5')
  expect(answer.text).not.toMatch(/secret-name|127\.0\.0\.1/)
  expect((await here.api.get('/api/v1/stats', { as: null })).status).toBe(401)
  expect(here.log.some((line) => line.includes('could not be noted'))).toBe(true)
})

it('tells nothing of a fault that nobody has foreseen', async () => {
  await using here = await createAdminWorld()
  await here.world.pool.query('alter table waybill.audit_event rename column actor to somebody')
  const answer = await here.api.get('/api/v1/audit-events', { as: 'otto' })
  expect(answer).toMatchObject({ status: 500, body: { code: 'internal' } })
  expect(answer.text).not.toMatch(/actor|column|\.ts/)
  const requestId = answer.headers.get('x-request-id')!
  expect(here.log.filter((line) => line.includes(requestId)).join()).toMatch(/foreseen.*actor/)
})

interface Got {
  readonly status: number
  readonly contentType: string
  readonly text: string
}

function get(url: string, token: string, agent: Agent): Promise<Got> {
  return new Promise((resolve, reject) => {
    const asked = request(url, { agent, headers: { authorization: `Bearer ${token}` } }, (response) => {
      const { statusCode: status = 0, headers } = response
      text(response).then((body) => {
        resolve({ status, contentType: headers['content-type'] ?? '', text: body })
      }, reject)
    })
    asked.on('error', reject).end()
  })
}
