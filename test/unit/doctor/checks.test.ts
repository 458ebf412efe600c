import { describe, expect, it } from 'vitest'
import { findings, type Check } from '../../../relay/doctor/check.ts'
import { BROKER, SETUP, TRAFFIC } from '../../../relay/doctor/checks/index.ts'
import type { ManagedFacts, SetupFacts, TrafficFacts } from '../../../relay/doctor/facts.ts'

const WELL: SetupFacts = {
  server: {
    versionNumber: 150_004,
    version: '15.4',
    encoding: 'UTF8',
    isStandby: false,
    role: 'relay',
    isReadOnly: false,
    fsync: true,
    fullPageWrites: true,
    synchronousCommit: 'on',
    autovacuum: true,
    statementTimeoutMs: 0,
    connectionLimit: 97,
    connectionsInUse: 10,
    clock: { aheadMs: 3, uncertainMs: 1 },
  },
  tables: [{ name: 'outbox', isUnlogged: false, hidesRows: false, autovacuum: true }],
  sequence: { cache: 1, cycles: false, increment: 1 },
  leavesWithoutIndex: [],
  missingRights: [],
  poolSize: 5,
  schema: { kind: 'answer', value: 3 },
  migrations: { kind: 'answer', value: undefined },
}

const CALM: TrafficFacts = {
  longTransactions: [],
  hiddenSessions: 0,
  slots: [{ name: 'standby', active: true, heldBack: 12 }],
  longMs: 300_000,
  contents: {
    kind: 'answer',
    value: {
      backlog: { records: 3, estimated: false, oldestAgeMs: 200, parked: 0, dead: 0 },
      lanes: [{ lane: 0, epoch: 1, owner: 'a', ownerHost: 'a', ownerLive: true }],
      blockedKeys: 0,
    },
  },
  consumers: { kind: 'answer', value: [] },
}

const BOUND: ManagedFacts = {
  broker: {
    product: 'RabbitMQ',
    version: '3.13.7',
    heartbeatMs: 5000,
    wantedHeartbeatMs: 5000,
    exchanges: [{ name: 'orders.events', state: 'usable', detail: '' }],
    queues: [
      {
        name: 'billing',
        state: 'fits',
        detail: '',
        messages: 5,
        consumers: 1,
        deadLetters: 0,
        hasDeadLetterExchange: true,
        wanted: { 'x-delivery-limit': 20 },
      },
    ],
  },
  topology: 'declare',
  names: { exchanges: ['orders.events'], consumers: ['billing'] },
  management: {
    kind: 'answer',
    value: {
      queues: [
        {
          name: 'billing',
          type: 'quorum',
          arguments: { 'x-dead-letter-exchange': 'billing.dlx' },
          policy: {},
          messages: 5,
          consumers: 1,
          bindings: 1,
        },
      ],
      permissions: { configure: '^$', write: '^orders', read: '^$' },
    },
  },
}

/** What a check says, as `severity: seen`. */
function said<Facts>(checks: readonly Check<Facts>[], code: string, facts: Facts): string[] {
  return findings(checks, facts)
    .filter((finding) => finding.code === code)
    .map(({ severity, seen }) => `${severity}: ${seen}`)
}

function setup(
  code: string,
  change: Partial<SetupFacts>,
  server: Partial<SetupFacts['server']> = {},
): string[] {
  return said(SETUP, code, { ...WELL, ...change, server: { ...WELL.server, ...server } })
}

function traffic(code: string, change: Partial<TrafficFacts>): string[] {
  return said(TRAFFIC, code, { ...CALM, ...change })
}

function broker(
  code: string,
  change: Partial<ManagedFacts['broker']>,
  more: Partial<ManagedFacts> = {},
): string[] {
  return said(BROKER, code, { ...BOUND, ...more, broker: { ...BOUND.broker, ...change } })
}

describe('the checks of the doctor', () => {
  it('find nothing where all is well', () => {
    const all = [...findings(SETUP, WELL), ...findings(TRAFFIC, CALM), ...findings(BROKER, BOUND)]
    expect(all.filter(({ severity }) => severity !== 'ok')).toEqual([])
    expect(
      all.every(({ seen, wanted, remedy }) =>
        [seen, wanted, remedy].every((text) => text.endsWith('.') || text.endsWith('`')),
      ),
    ).toBe(true)
  })

  it('see servers that cannot be worked with', () => {
    expect(setup('DATABASE_VERSION', {}, { versionNumber: 120_020, version: '12.20' })).toEqual([
      'error: The server is PostgreSQL 12.20.',
    ])
    expect(setup('DATABASE_ENCODING', {}, { encoding: 'SQL_ASCII' })).toEqual([
      'error: The encoding is SQL_ASCII.',
    ])
    expect(setup('DATABASE_WRITABLE', {}, { isStandby: true })).toEqual(['error: The server is a standby.'])
    expect(broker('BROKER_VERSION', { version: '3.9.29' })).toEqual(['error: The broker is RabbitMQ 3.9.29.'])
    expect(broker('BROKER_VERSION', { version: '4.1.0' })[0]).toMatch(/^ok/)
    expect(broker('BROKER_VERSION', { product: 'LavinMQ', version: '2.0' })[0]).toMatch(/^unchecked/)
  })

  it('leave the doubt about a clock out of the difference', () => {
    expect(setup('DATABASE_CLOCK', {}, { clock: { aheadMs: -1400, uncertainMs: 500 } })[0]).toMatch(
      /^ok: .*1400 ms behind/,
    )
    expect(setup('DATABASE_CLOCK', {}, { clock: { aheadMs: 1600, uncertainMs: 500 } })[0]).toMatch(
      /^warning: .*1600 ms ahead of/,
    )
  })

  it('see transactions and slots that hold others up', () => {
    const longTransactions: TrafficFacts['longTransactions'] = [
      { kind: 'session', name: 'process 7, report', ageMs: 8_000_000 },
      { kind: 'prepared', name: 'tx-1', ageMs: 600_000 },
    ]
    expect(traffic('LONG_TRANSACTIONS', { longTransactions })).toEqual([
      'warning: Open for 2 h: process 7, report.',
    ])
    expect(traffic('PREPARED_TRANSACTIONS', { longTransactions })).toEqual([
      'warning: Prepared 10 min ago: tx-1.',
    ])
    expect(traffic('LONG_TRANSACTIONS', { hiddenSessions: 4 })[0]).toMatch(/^unchecked: 4 sessions/)
    expect(
      traffic('REPLICATION_SLOTS', { slots: [{ name: 's', active: true, heldBack: 2_000_000 }] }),
    ).toEqual(['warning: Slot "s" holds back 2000000 transactions.'])
  })

  it('see messages of a consumer that does not run', () => {
    const none = { count: 0, isExact: true }
    const billing = { name: 'billing', queue: null, mode: null, retry: none, waiting: none, pause: null }
    const instances = [{ instanceId: 'i', host: 'h', startedAt: new Date(0) }]
    const value = [
      { ...billing, instances: [], dead: { count: 2, isExact: true } },
      { ...billing, name: 'shipping', instances, dead: { count: 1, isExact: true } },
      { ...billing, name: 'idle', instances: [], dead: none },
    ]
    expect(traffic('CONSUMER_ORPHANED', { consumers: { kind: 'answer', value } })).toEqual([
      'warning: "billing" does not run: 0 to be tried again, 0 waiting, 2 dead.',
    ])
  })

  it('see what waits for a person, and say what they may not see', () => {
    const given = CALM.contents.kind === 'answer' ? CALM.contents.value : null
    const contents = {
      kind: 'answer',
      value: {
        ...given!,
        backlog: { ...given!.backlog, oldestAgeMs: 400_000, parked: 2, dead: 1 },
        blockedKeys: 1,
      },
    } as const
    expect(traffic('OUTBOX_AGE', { contents })).toEqual(['warning: 3 messages wait, the oldest for 6 min.'])
    expect(traffic('OUTBOX_PARKED', { contents })).toEqual(['warning: 2 are parked, of which 1 for good.'])
    expect(traffic('OUTBOX_BLOCKED_KEYS', { contents })).toEqual(['warning: Blocked keys: 1.'])
    const forbidden = { kind: 'forbidden', reason: 'Not checked: permission denied.' } as const
    expect(traffic('RELAYS', { contents: forbidden })).toEqual(['unchecked: Not checked: permission denied.'])
  })

  it('see a heartbeat that was switched off or grew', () => {
    for (const heartbeatMs of [0, 60_000]) {
      expect(broker('BROKER_HEARTBEAT', { heartbeatMs })[0]).toMatch(/^error: /)
    }
  })

  it('judge exchanges by whether a relay would declare them', () => {
    const undeclarable = { exchanges: [{ name: 'x', state: 'undeclarable', detail: 'no' }] } as const
    const missing = { exchanges: [{ name: 'x', state: 'missing', detail: 'no' }] } as const
    expect(broker('BROKER_EXCHANGES', undeclarable)[0]).toMatch(/^error/)
    expect(broker('BROKER_EXCHANGES', undeclarable, { topology: 'verify' })[0]).toMatch(/^ok/)
    expect(broker('BROKER_EXCHANGES', missing)[0]).toMatch(/^warning/)
    expect(broker('BROKER_EXCHANGES', missing, { topology: 'verify' })[0]).toMatch(/^error/)
  })

  it('know an orphaned queue by the way of dead letters that only consumers declare', () => {
    const left = { name: 'old', type: 'quorum', policy: {}, messages: 3, consumers: 0, bindings: 2 }
    const managed = (arguments_: Record<string, unknown>): ManagedFacts['management'] => ({
      kind: 'answer',
      value: { queues: [{ ...left, arguments: arguments_ }], permissions: null },
    })
    const ours = managed({ 'x-dead-letter-exchange': 'old.dlx' })
    expect(broker('BROKER_ORPHANS', {}, { management: ours })).toEqual([
      'warning: Queue "old" has no consumer, and no inbox knows one of that name; it holds 3.',
    ])
    expect(broker('BROKER_ORPHANS', {}, { management: managed({}) })).toEqual(['ok: There is none.'])
    expect(broker('BROKER_PERMISSIONS', {}, { management: ours })[0]).toMatch(/^unchecked/)
  })
})
