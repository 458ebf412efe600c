import { expect, test } from 'vitest'
import { isWaybillError, type WaybillErrorCode } from '../../../src/ports.ts'
import { ADA, BOB, createWorld } from './world.ts'

const code = (wanted: WaybillErrorCode) => expect.objectContaining({ code: wanted }) as Error

test('one list has what consumers and relays gave up, the last failed first, page by page', async () => {
  await using world = await createWorld()
  const { operations, fail, park } = world
  const first = await fail({ failedAt: '2026-01-01T10:00:00.123456Z' })
  const second = await park({ parkedAt: '2026-01-01T10:00:00.123457Z' })
  const third = await fail({ failedAt: '2026-01-01T10:00:00.123457Z' })
  await fail({ state: 'retry' })
  const seen: string[] = []
  let cursor: string | undefined
  do {
    const page = await operations.letters.list({}, { limit: 1, cursor })
    expect(page.total).toEqual({ count: 3, isExact: true })
    seen.push(...page.items.map(({ id }) => id))
    cursor = page.nextCursor ?? undefined
  } while (cursor !== undefined)
  expect(seen).toEqual([third, second, first])
  const shown = await world.pool.query('select count(*)::int as count from waybill.dead_letter')
  expect(shown.rows).toEqual([{ count: 3 }])
})

test('finds by each part of the filter, and by nothing that is hidden in one', async () => {
  await using world = await createWorld()
  const { operations, fail, park } = world
  const messageId = '0190a000-0000-7000-8000-000000000001'
  const wanted = await fail({
    consumer: "bill'ing",
    key: 'k"1',
    type: 'a.b',
    reason: 'permanent',
    error: '100% $1 of \\ "it"',
    fingerprint: 'beef',
    messageId,
    correlationId: 'c1',
    failedAt: '2026-02-01T00:00:00Z',
  })
  await fail()
  await park({ headers: '{"correlation-id":"c2"}' })
  const ids = async (filter: Parameters<typeof operations.letters.list>[0]): Promise<string[]> =>
    (await operations.letters.list(filter)).items.map(({ id }) => id)
  for (const filter of [
    { consumer: "bill'ing" },
    { key: 'k"1' },
    { type: 'a.b' },
    { reason: 'permanent' },
    { errorText: '100% $1 OF \\' },
    { errorText: 'typeerror 100' },
    { fingerprint: 'beef' },
    { messageId: messageId.toUpperCase() },
    { correlationId: 'c1' },
    { from: new Date('2026-02-01T00:00:00Z'), until: new Date('2026-02-01T00:00:01Z') },
  ])
    expect(await ids(filter), JSON.stringify(filter)).toEqual([wanted])
  expect(await ids({ direction: 'out', correlationId: 'c2' })).toHaveLength(1)
  for (const text of ["' or true --", '%', '$1', ') or (true', "\\' or 1=1"])
    for (const name of ['consumer', 'type', 'key', 'reason', 'fingerprint', 'messageId', 'correlationId'])
      expect(await ids({ [name]: text }), `${name}=${text}`).toEqual([])
  await expect(operations.letters.list({ consumer: 'a\0' })).rejects.toThrow(code('WAYBILL_OPTION_INVALID'))
  await expect(operations.letters.list({ state: "dead' --" as 'dead' })).rejects.toThrow(
    code('WAYBILL_OPTION_INVALID'),
  )
  await expect(operations.letters.list({ limit: 1 } as object)).rejects.toThrow(
    code('WAYBILL_OPTION_INVALID'),
  )
})

test('a cursor is good for its own list and filter, and a forged one is refused', async () => {
  await using world = await createWorld()
  const { letters } = world.operations
  for (let i = 0; i < 3; i += 1) await world.fail()
  const { nextCursor } = await letters.list({ consumer: 'billing' }, { limit: 1 })
  const cursor = nextCursor ?? ''
  await expect(letters.list({ consumer: 'billing' }, { cursor })).resolves.toMatchObject({ items: [{}, {}] })
  for (const attempt of [
    () => letters.list({ consumer: 'shipping' }, { cursor }),
    () => letters.groups({ consumer: 'billing' }, { cursor }),
    () => letters.list({ consumer: 'billing' }, { cursor: 'nonsense' }),
    () => letters.list({ consumer: 'billing' }, { cursor: `${cursor}'` }),
    () => letters.list({ consumer: 'billing' }, { cursor: forged(cursor, ['9999-99-99', 1, 'in']) }),
    () => letters.list({ consumer: 'billing' }, { cursor: forged(cursor, [1, 1, 'in']) }),
  ])
    await expect(attempt()).rejects.toThrow(code('WAYBILL_CURSOR_INVALID'))
})

function forged(cursor: string, place: unknown[]): string {
  const [version, scope] = JSON.parse(Buffer.from(cursor, 'base64url').toString()) as unknown[]
  return Buffer.from(JSON.stringify([version, scope, ...place])).toString('base64url')
}

test('groups what failed alike, the largest group first, with its times and the last one of it', async () => {
  await using world = await createWorld()
  const { fail, operations } = world
  await fail({ fingerprint: 'aa', failedAt: '2026-01-01T00:00:00Z' })
  const last = await fail({ fingerprint: 'aa', failedAt: '2026-01-03T00:00:00Z' })
  await fail({ fingerprint: null, reason: 'expired' })
  await world.park()
  const { items, nextCursor } = await operations.letters.groups({}, { limit: 2 })
  expect(items[0]).toMatchObject({
    fingerprint: 'aa',
    count: 2,
    firstFailedAt: new Date('2026-01-01T00:00:00Z'),
    lastFailedAt: new Date('2026-01-03T00:00:00Z'),
    example: { id: last },
  })
  const rest = await operations.letters.groups({}, { limit: 2, cursor: nextCursor ?? '' })
  expect(items.length + rest.items.length).toBe(3)
  const { items: expired } = await operations.letters.list({ fingerprint: items[1]?.fingerprint ?? '' })
  expect(expired).toHaveLength(1)
})

test('shows all of one: payload, headers, attempts, and what waits behind it', async () => {
  await using world = await createWorld()
  const { fail, operations, pool } = world
  const id = await fail({ key: 'k', blocking: true, headers: '{"tenant":"t1"}' })
  const behind = await fail({ key: 'k', blocking: true, state: 'waiting' })
  await fail({ key: 'other', blocking: true, state: 'waiting' })
  await pool.query(
    `insert into waybill.failure_attempt (failure_id, outcome, host, duration_ms, error_message)
    select $1, 'failed', 'h' || n, n, 'no' from generate_series(1, 3) as n`,
    [id.slice(3)],
  )
  expect(await operations.letters.show(id)).toMatchObject({
    id,
    headers: { tenant: 't1' },
    payloadBytes: 12,
    waiting: { count: 1, isExact: true },
  })
  expect((await operations.letters.payload(id)).bytes.toString()).toBe('{"total":20}')
  const { items, nextCursor } = await operations.letters.attempts(id, { limit: 2 })
  expect(items.map(({ host }) => host)).toEqual(['h3', 'h2'])
  expect((await operations.letters.attempts(id, { cursor: nextCursor ?? '' })).items).toHaveLength(1)
  expect((await operations.letters.waiting(id)).items.map(({ letterId }) => letterId)).toEqual([behind])
  await expect(operations.letters.show('in-999')).rejects.toThrow(code('WAYBILL_NOT_FOUND'))
  await expect(operations.letters.show('in-1 or 1=1')).rejects.toThrow(code('WAYBILL_OPTION_INVALID'))
})

test('lists what relays gave up even when its headers cannot be read', async () => {
  await using world = await createWorld()
  const id = await world.park({ headers: '{"a":"\\u0000"', key: 'k' })
  const { items } = await world.operations.letters.list({ direction: 'out' })
  expect(items).toMatchObject([{ id, correlationId: null, consumer: null, reason: 'rejected' }])
  expect(await world.operations.letters.show(id)).toMatchObject({ headers: {} })
})

test('shows nothing that the service wants to keep from operators', async () => {
  const redact = ({ headers }: { headers: Readonly<Record<string, string>> }) => ({
    headers: { ...headers, token: '***' },
    payload: Buffer.from('hidden'),
  })
  await using world = await createWorld({ redact })
  const id = await world.fail({ headers: '{"token":"secret"}' })
  expect(await world.operations.letters.payload(id)).toMatchObject({
    redacted: true,
    bytes: Buffer.from('hidden'),
  })
  expect((await world.operations.letters.show(id)).headers).toEqual({ token: '***' })
})

test('replay makes it due, and says who wanted it', async () => {
  await using world = await createWorld()
  const { fail, operations, pool } = world
  const id = await fail()
  const replayed = await operations.letters.replay(id, { by: ADA, reason: 'Fixed in 1.2.', revision: 1 })
  expect(replayed).toMatchObject({ id, state: 'retry', replays: 1, revision: 2 })
  expect(replayed.nextAttemptAt?.getTime()).toBeLessThanOrEqual(Date.now() + 1000)
  const { items } = await operations.audit.list({ target: id })
  expect(items).toMatchObject([
    {
      actor: 'ada',
      roles: ['operator'],
      via: 'cli',
      action: 'dead-letters.replay',
      outcome: 'done',
      reason: 'Fixed in 1.2.',
    },
  ])
  for (const change of [
    'update waybill.audit_event set actor = $1',
    'delete from waybill.audit_event where actor = $1',
  ])
    await expect(pool.query(change, ['eve'])).rejects.toMatchObject({ code: '42501' })
  await expect(pool.query('truncate waybill.audit_event')).rejects.toMatchObject({ code: '42501' })
})

test('of two operators one wins, whatever they want, and the other is told', async () => {
  await using world = await createWorld()
  const { letters, audit } = world.operations
  for (let round = 0; round < 10; round += 1) {
    const id = await world.fail({ key: 'k', blocking: true })
    const results = await Promise.allSettled([
      letters.replay(id, { by: ADA, revision: 1 }),
      letters.discard(id, { by: BOB, reason: 'Old.', revision: 1 }),
      letters.replay(id, { by: BOB }),
    ])
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    for (const result of results)
      if (result.status === 'rejected')
        expect(['WAYBILL_REVISION_CONFLICT', 'WAYBILL_STATE_CONFLICT']).toContain(
          isWaybillError(result.reason) ? result.reason.code : result.reason,
        )
    const { items } = await audit.list({ target: id })
    expect(items.map(({ outcome }) => outcome).sort()).toEqual(['done', 'refused', 'refused'])
  }
})

test('a click that is repeated with its idempotency key is one replay', async () => {
  await using world = await createWorld()
  const { letters } = world.operations
  const id = await world.fail()
  const intent = { by: ADA, idempotencyKey: 'click-1' }
  const answers = await Promise.all([1, 2, 3].map(() => letters.replay(id, intent)))
  expect(answers.map(({ replays }) => replays)).toEqual([1, 1, 1])
  expect((await world.operations.audit.list({ target: id })).items).toHaveLength(1)
  const other = await world.fail()
  await expect(letters.replay(other, intent)).rejects.toThrow(code('WAYBILL_IDEMPOTENCY_MISMATCH'))
  await expect(letters.replay(other, { ...intent, by: BOB })).resolves.toMatchObject({ replays: 1 })
})

test('what might be handled twice, or was replayed five times, needs a word of the operator', async () => {
  await using world = await createWorld()
  const { letters } = world.operations
  const id = await world.fail({ uncertain: true })
  await world.pool.query('update waybill.failure set replays = 5')
  const attempt = (confirm: ('uncertain' | 'replays')[]) => letters.replay(id, { by: ADA, confirm })
  await expect(attempt([])).rejects.toMatchObject({
    code: 'WAYBILL_CONFIRMATION_NEEDED',
    details: { confirmations: ['uncertain', 'replays'] },
  })
  await expect(attempt(['uncertain'])).rejects.toMatchObject({ details: { confirmations: ['replays'] } })
  await expect(attempt(['uncertain', 'replays'])).resolves.toMatchObject({ replays: 6 })
  const refused = await world.operations.audit.list({ target: id, outcome: 'refused' })
  expect(refused.items[0]?.details).toMatchObject({ code: 'WAYBILL_CONFIRMATION_NEEDED' })
})

test('a record whose outcome was never known is uncertain when inboxes have forgotten it', async () => {
  await using world = await createWorld()
  const old = await world.park({ reason: 'fatal', parkedAt: '2026-01-01T00:00:00Z' })
  const young = await world.park({ reason: 'fatal' })
  const known = await world.park({ reason: 'rejected', parkedAt: '2026-01-01T00:00:00Z' })
  const { letters } = world.operations
  await expect(letters.replay(old, { by: ADA })).rejects.toThrow(code('WAYBILL_CONFIRMATION_NEEDED'))
  await expect(letters.replay(old, { by: ADA, confirm: ['uncertain'] })).resolves.toMatchObject({
    state: 'retry',
  })
  await expect(letters.replay(young, { by: ADA })).resolves.toMatchObject({ state: 'retry' })
  await expect(letters.replay(known, { by: ADA })).resolves.toMatchObject({ state: 'retry' })
})

test('discard needs a reason, and can be taken back', async () => {
  await using world = await createWorld()
  const { letters } = world.operations
  for (const id of [await world.fail(), await world.park({ key: 'k' })]) {
    await expect(letters.discard(id, { by: ADA, reason: ' ' })).rejects.toThrow(
      code('WAYBILL_OPTION_INVALID'),
    )
    const discarded = await letters.discard(id, { by: ADA, reason: 'A test order.' })
    expect(discarded).toMatchObject({ state: 'discarded', nextAttemptAt: null })
    expect(discarded.endedAt).not.toBeNull()
    await expect(letters.replay(id, { by: ADA })).rejects.toThrow(code('WAYBILL_STATE_CONFLICT'))
    const restored = await letters.restore(id, { by: ADA, confirm: ['order'] })
    expect(restored).toMatchObject({ state: 'dead', endedAt: null })
  }
})

test('edit and replay is off by default', async () => {
  await using world = await createWorld()
  const id = await world.fail()
  const edit = world.operations.letters.replayEdited(id, { by: ADA, payload: Buffer.from('{}') })
  await expect(edit).rejects.toThrow(code('WAYBILL_EDITING_OFF'))
  expect(await world.state(id)).toBe('dead')
})

test('an edited message is a new one in the place of the original, which is kept', async () => {
  await using world = await createWorld({ editing: true })
  const { letters, audit } = world.operations
  const head = await world.fail({ key: 'k', blocking: true, headers: '{"a":"1"}' })
  const next = await world.fail({ key: 'k', blocking: true, state: 'waiting' })
  const copy = await letters.replayEdited(head, { by: ADA, payload: Buffer.from('{"total":21}') })
  expect(copy).toMatchObject({ state: 'retry', editedFrom: head, blocking: true, replays: 1 })
  const original = await letters.show(head)
  expect(original).toMatchObject({ state: 'resolved', blocking: false })
  expect(copy.messageId).not.toBe(original.messageId)
  expect((await letters.payload(copy.id)).bytes.toString()).toBe('{"total":21}')
  expect((await letters.payload(head)).bytes.toString()).toBe('{"total":20}')
  expect((await letters.show(copy.id)).headers).toEqual({ a: '1' })
  expect(await world.state(next)).toBe('waiting')
  expect((await letters.waiting(copy.id)).items.map(({ letterId }) => letterId)).toEqual([next])
  const [event] = (await audit.list({ action: 'dead-letters.replay-edited' })).items
  expect(event?.details).toMatchObject({ copy: copy.id, newMessageId: copy.messageId })
  expect(JSON.stringify(event)).not.toContain('21}')
  const sealed = await world.fail({ sealed: true })
  await expect(letters.replayEdited(sealed, { by: ADA, payload: Buffer.from('{}') })).rejects.toThrow(
    code('WAYBILL_UNSUPPORTED'),
  )
  const parked = await world.park({ key: 'p' })
  const copied = await letters.replayEdited(parked, { by: ADA, payload: Buffer.from('{}') })
  expect(copied).toMatchObject({ direction: 'out', state: 'retry', editedFrom: parked })
  expect(await world.state(parked)).toBe('discarded')
})
