import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { answeredKinds, operations } from './conformance.ts'
import { createAdminWorld, type AdminWorld } from './world.ts'

let here: AdminWorld
beforeAll(async () => {
  here = await createAdminWorld({
    operations: { editing: true },
    admin: { limits: { changesPerMinute: 10_000 } },
  })
})
afterAll(() => here[Symbol.asyncDispose]())

type Items = readonly Readonly<Record<string, unknown>>[]

describe('looking', () => {
  it('lists what a filter finds, page by page, without what messages say', async () => {
    for (let n = 0; n < 3; n++)
      await here.world.fail({ consumer: 'pages', payload: '{"card":"4111"}', error: `No ${n}.` })
    const first = await here.api.get('/api/v1/dead-letters?consumer=pages&limit=2')
    expect(first).toMatchObject({ status: 200, body: { total: { count: 3, is_exact: true } } })
    const second = await here.api.get(
      `/api/v1/dead-letters?consumer=pages&limit=2&cursor=${first.body['next_cursor'] as string}`,
    )
    const seen = [...(first.body['items'] as Items), ...(second.body['items'] as Items)]
    expect(seen.map(({ error_message }) => error_message)).toEqual(['No 2.', 'No 1.', 'No 0.'])
    expect(second.body['next_cursor']).toBeNull()
    expect(first.text).not.toContain('4111')
  })

  it('shows one with its revision as ETag, its attempts and what waits behind it', async () => {
    const id = await here.world.fail({ headers: '{"tenantId":"a"}', key: 'k', blocking: true })
    await here.world.fail({ key: 'k', state: 'waiting', blocking: true })
    const shown = await here.api.get(`/api/v1/dead-letters/${id}`)
    expect(shown.body).toMatchObject({ id, headers: { tenantId: 'a' }, waiting: { count: 1 } })
    expect(shown.headers.get('etag')).toBe(`"${String(shown.body['revision'])}"`)
    expect((await here.api.get(`/api/v1/dead-letters/${id}/attempts`)).status).toBe(200)
    const waiting = await here.api.get(`/api/v1/dead-letters/${id}/waiting`)
    expect(waiting.body).toMatchObject({ total: { count: 1 } })
    expect(await here.api.get('/api/v1/dead-letters/in-999999')).toMatchObject({
      status: 404,
      body: { code: 'not_found' },
    })
  })

  it('gives what a message says as it was sent, to those with the permission, and notes who looked', async () => {
    const id = await here.world.fail({ payload: '{"total":12345678901234567890}' })
    const payload = await here.api.get(`/api/v1/dead-letters/${id}/payload`, { as: 'petra' })
    expect(payload.body).toMatchObject({ encoding: 'utf-8', content: '{"total":12345678901234567890}' })
    expect(here.log.filter((line) => line.includes('petra') && line.includes(id))).toHaveLength(1)
  })

  it('groups what failed alike', async () => {
    await here.world.fail({ consumer: 'grouped', fingerprint: 'abcd' })
    await here.world.fail({ consumer: 'grouped', fingerprint: 'abcd' })
    const { body } = await here.api.get('/api/v1/failure-groups?consumer=grouped')
    expect(body['items']).toMatchObject([{ fingerprint: 'abcd', count: 2, example: { consumer: 'grouped' } }])
  })

  it('lists what relays keep aside', async () => {
    const dead = await here.world.park({ reason: 'unroutable' })
    const due = await here.world.park({ state: 'retry' })
    const idsOf = async (query: string) => {
      const { body } = await here.api.get(`/api/v1/outbox-messages${query}`)
      return (body['items'] as Items).map(({ id }) => id)
    }
    expect(await idsOf('?reason=unroutable')).toEqual([dead])
    expect(await idsOf('?state=retry')).toEqual([due])
  })

  it('finds a message and its conversation', async () => {
    const messageId = randomUUID()
    await here.world.fail({ messageId, correlationId: 'walk' })
    expect((await here.api.get(`/api/v1/messages/${messageId}`)).body).toMatchObject({
      message_id: messageId,
      places: [{ place: 'failure', state: 'dead' }],
    })
    expect((await here.api.get('/api/v1/conversations/walk')).body).toMatchObject({
      messages: [{ message_id: messageId }],
    })
  })

  it('counts, and tells who asks and what that one may do', async () => {
    expect((await here.api.get('/api/v1/stats')).status).toBe(200)
    const { body } = await here.api.get('/api/v1/me')
    expect(body).toMatchObject({ name: 'rita', grants: ['reader'] })
    expect(body['operations']).toContain('dead-letters.list')
    expect(body['operations']).not.toContain('dead-letters.payload')
    expect(body['operations']).not.toContain('dead-letters.replay')
  })

  it('answers HEAD as GET, without a body', async () => {
    expect(await here.api.send('HEAD', '/api/v1/stats')).toMatchObject({ status: 200, text: '' })
  })
})

describe('changing', () => {
  it('replays, once for each idempotency key however often it is asked', async () => {
    const id = await here.world.fail()
    const asked = { key: randomUUID(), body: { reason: 'The customer exists now.' } }
    const clicks = await Promise.all(
      [1, 2, 3].map(() => here.api.post(`/api/v1/dead-letters/${id}/replay`, asked)),
    )
    expect(clicks.map(({ status }) => status)).toEqual([202, 202, 202])
    expect(await here.world.state(id)).toBe('retry')
    const done = (await here.audit()).filter(({ target, outcome }) => target === id && outcome === 'done')
    expect(done).toMatchObject([
      { actor: 'otto', roles: ['operator'], via: 'api', reason: 'The customer exists now.' },
    ])
    const other = await here.api.post(`/api/v1/dead-letters/${id}/replay`, {
      ...asked,
      body: { reason: 'Another.' },
    })
    expect(other).toMatchObject({ status: 422, body: { code: 'idempotency_mismatch' } })
    const again = await here.api.post(`/api/v1/dead-letters/${id}/replay`)
    expect(again).toMatchObject({ status: 409, body: { code: 'state_conflict' } })
  })

  it('lets one of two operators win who have seen the same', async () => {
    const id = await here.world.fail()
    const etag = (await here.api.get(`/api/v1/dead-letters/${id}`)).headers.get('etag')!
    const asked = { headers: { 'if-match': etag }, body: { reason: 'Known and harmless.' } }
    const discard = () => here.api.post(`/api/v1/dead-letters/${id}/discard`, asked)
    const statuses = (await Promise.all([discard(), discard()])).map(({ status }) => status)
    expect(statuses).toContain(200)
    expect(statuses.some((status) => status === 409 || status === 412)).toBe(true)

    const stale = await here.api.post(`/api/v1/dead-letters/${id}/restore`, { headers: { 'if-match': etag } })
    expect(stale).toMatchObject({ status: 412, body: { code: 'revision_conflict' } })
    expect(await here.api.post(`/api/v1/dead-letters/${id}/restore`)).toMatchObject({
      status: 200,
      body: { state: 'dead' },
    })
  })

  it('wants If-Match where something is given up or rewritten', async () => {
    const id = await here.world.fail()
    const discard = await here.api.post(`/api/v1/dead-letters/${id}/discard`, { body: { reason: 'Old.' } })
    expect(discard).toMatchObject({ status: 428, body: { code: 'precondition_required' } })
    const edit = { as: 'ada', body: { content: '{}', reason: 'A typo.' } } as const
    expect(await here.api.post(`/api/v1/dead-letters/${id}/replay-edited`, edit)).toMatchObject({
      status: 428,
    })
    expect(await here.world.state(id)).toBe('dead')
  })

  it('replays a copy that says something else, for admins', async () => {
    const id = await here.world.fail()
    const etag = (await here.api.get(`/api/v1/dead-letters/${id}`)).headers.get('etag')!
    const asked = { headers: { 'if-match': etag }, body: { content: '{"total":21}', reason: 'A typo.' } }
    expect((await here.api.post(`/api/v1/dead-letters/${id}/replay-edited`, asked)).status).toBe(403)
    const copy = await here.api.post(`/api/v1/dead-letters/${id}/replay-edited`, { ...asked, as: 'ada' })
    expect(copy).toMatchObject({ status: 202, body: { edited_from: id, state: 'retry' } })
  })

  it('says what must be confirmed', async () => {
    const id = await here.world.fail({ uncertain: true })
    const refused = await here.api.post(`/api/v1/dead-letters/${id}/replay`)
    expect(refused).toMatchObject({
      status: 409,
      body: { code: 'confirmation_needed', confirmations: ['uncertain'] },
    })
    const sure = await here.api.post(`/api/v1/dead-letters/${id}/replay`, {
      body: { confirm: ['uncertain'] },
    })
    expect(sure.status).toBe(202)
  })

  it('repairs many: counted first, then started, paused, resumed and cancelled', async () => {
    for (let n = 0; n < 4; n++) await here.world.fail({ consumer: 'many' })
    const body = { action: 'replay', filter: { consumer: 'many' }, rate: 1 }
    const preview = await here.api.post('/api/v1/bulk-operations', { body: { ...body, dry_run: true } })
    expect(preview).toMatchObject({ status: 200, body: { matched: { count: 4 } } })
    const wrong = await here.api.post('/api/v1/bulk-operations', { body: { ...body, expected_count: 9 } })
    expect(wrong).toMatchObject({ status: 409, body: { code: 'count_changed', count: 4 } })

    const started = await here.api.post('/api/v1/bulk-operations', { body: { ...body, expected_count: 4 } })
    expect(started).toMatchObject({
      status: 202,
      body: { state: 'running', progress: { matched: 4 }, started_by: 'otto' },
    })
    const place = new URL(started.headers.get('location')!, `${here.api.url}/api/v1/bulk-operations`).pathname
    expect((await here.api.get(place)).body).toMatchObject({ id: started.body['id'] })
    expect((await here.api.get(`${place}/items`)).body['items']).toHaveLength(4)
    expect((await here.api.get('/api/v1/bulk-operations')).body['items']).toHaveLength(1)
    for (const [what, state] of [
      ['pause', 'paused'],
      ['resume', 'running'],
      ['cancel', 'cancelled'],
    ]) {
      expect((await here.api.post(`${place}/${what!}`)).body).toMatchObject({ state })
    }
    const neither = await here.api.post('/api/v1/bulk-operations', {
      body: { action: 'discard', reason: 'All.' },
    })
    expect(neither).toMatchObject({ status: 400, body: { code: 'invalid_request' } })
  })

  it.each(['consumers', 'relays'])('pauses and resumes %s', async (kind) => {
    const pause = await here.api.post(`/api/v1/${kind}/a%2Fb%20c/pause`, { body: { reason: 'A look.' } })
    expect(pause).toMatchObject({
      status: 200,
      body: { name: 'a/b c', paused_by: 'otto', reason: 'A look.' },
    })
    const resume = () => here.api.post(`/api/v1/${kind}/a%2Fb%20c/resume`)
    expect((await resume()).body).toEqual({ was_paused: true })
    expect((await resume()).body).toEqual({ was_paused: false })
    expect((await here.api.get(`/api/v1/${kind}`)).status).toBe(200)
  })
})

describe('the audit', () => {
  it('comes as JSON, line by line, and as a table that runs no formulas', async () => {
    const reason = '=HYPERLINK("http://evil")'
    await here.api.post('/api/v1/consumers/audited/pause', { body: { reason } })
    const path = '/api/v1/audit-events?target=consumer%20audited'
    const json = await here.api.get(path, { as: 'otto' })
    expect(json.body['items']).toMatchObject([{ actor: 'otto', action: 'consumers.pause', reason }])
    const lines = await here.api.get(path, { as: 'otto', headers: { accept: 'application/x-ndjson' } })
    expect(JSON.parse(lines.text.trim())).toEqual((json.body['items'] as Items)[0])
    const table = await here.api.get(path, { as: 'otto', headers: { accept: 'text/csv' } })
    expect(table.text.split('\r\n')[0]).toBe(
      'id,at,actor,roles,via,address,request_id,trace_id,action,target,outcome,reason,details',
    )
    expect(table.text).toContain(`"'=HYPERLINK(""http://evil"")"`)
    const other = await here.api.get(path, { as: 'otto', headers: { accept: 'image/png' } })
    expect(other).toMatchObject({ status: 406, body: { code: 'not_acceptable' } })
  })

  it('streams all of it, over many pages, and tells an error before it begins', async () => {
    const events = Array.from({ length: 450 }, () => ({ action: 'test', target: 'many' }))
    for (const { action, target } of events) {
      await here.world.operations.audit.denied({
        by: { name: 'eve', via: 'program' },
        action,
        target,
        reason: 'no',
      })
    }
    const headers = { accept: 'application/x-ndjson' }
    const lines = await here.api.get('/api/v1/audit-events?target=many', { as: 'otto', headers })
    expect(lines.text.trim().split('\n')).toHaveLength(450)
    const bad = await here.api.get('/api/v1/audit-events?cursor=bm8', { as: 'otto', headers })
    expect(bad).toMatchObject({ status: 400, body: { code: 'cursor_invalid' } })
  })
})

it('has answered every operation of the document, as the document says', async () => {
  expect((await here.api.get('/api/v1/openapi.json')).body).toMatchObject({ openapi: '3.1.0' })
  const done = [...answeredKinds()].filter((kind) => / 2\d\d$/.test(kind)).map((kind) => kind.split(' ')[0])
  expect(operations().filter((operation) => !done.includes(operation))).toEqual([])
})
