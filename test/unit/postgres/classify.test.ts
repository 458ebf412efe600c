import { describe, expect, test } from 'vitest'
import { classifyPostgresError } from '../../../adapters/postgres/classify.ts'
import { WaybillError } from '../../../src/index.ts'

function failure(fields: Readonly<Record<string, unknown>>, message = 'failed'): Error {
  return Object.assign(new Error(message), fields)
}

const CLASSES = {
  infrastructure: [
    ...[
      '08000',
      '08003',
      '08006',
      '08P01',
      '53100',
      '53200',
      '53300',
      '53400',
      '58030',
      '28P01',
      '28000',
      '3D000',
    ],
    ...['57P01', '57P02', '57P03', '57P04', '57P05', '25006'],
    ...['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH'],
  ],
  transient: ['40001', '40P01', '55P03'],
  permanent: [
    '23505',
    '23503',
    '22012',
    '42P01',
    '42601',
    '57014',
    '25P02',
    '40002',
    'ENOENT',
    'ERR_OTHER',
    '8',
  ],
} as const

for (const [expected, codes] of Object.entries(CLASSES)) {
  describe(expected, () => {
    for (const code of codes) {
      test(code, () => {
        expect(classifyPostgresError(failure({ code }))).toBe(expected)
      })
    }
  })
}

describe('an error keeps its class', () => {
  const broken = failure({ code: '57P01' })

  test('when it was wrapped, however deep', () => {
    expect(classifyPostgresError(new Error('outer', { cause: new Error('inner', { cause: broken }) }))).toBe(
      'infrastructure',
    )
    expect(classifyPostgresError(new Error('outer', { cause: failure({ code: '40001' }) }))).toBe('transient')
  })

  test('when several were gathered', () => {
    expect(classifyPostgresError(new AggregateError([new Error('one'), broken]))).toBe('infrastructure')
  })

  test('when its causes go round in a circle', () => {
    const [first, second] = [new Error('first'), new Error('second')]
    first.cause = second
    second.cause = first
    expect(classifyPostgresError(first)).toBe('permanent')
  })

  test('when knex has put the statement in front', () => {
    const error = new Error('select 1 - Connection terminated unexpectedly')
    expect(classifyPostgresError(error)).toBe('infrastructure')
  })
})

describe('by their words', () => {
  const sentences = [
    'Connection terminated unexpectedly',
    'timeout exceeded when trying to connect',
    'Client has encountered a connection error and is not queryable',
    'Cannot use a pool after calling end on the pool',
    'Query read timeout',
  ]
  for (const sentence of sentences) {
    test(sentence, () => {
      expect(classifyPostgresError(new Error(sentence))).toBe('infrastructure')
      expect(classifyPostgresError(new Error(`${sentence} in the story I tell`))).toBe('permanent')
    })
  }

  test('a knex pool that has no connection left', () => {
    expect(classifyPostgresError(failure({ name: 'KnexTimeoutError' }))).toBe('infrastructure')
  })

  test('our own word that the database cannot be reached', () => {
    expect(
      classifyPostgresError(new WaybillError('WAYBILL_DATABASE_UNAVAILABLE', { problem: 'Gone.' })),
    ).toBe('infrastructure')
  })
})

describe('a failure of somebody else is not the database', () => {
  test('a connection refused at another port', () => {
    const refused = failure({ code: 'ECONNREFUSED', syscall: 'connect', port: 443 })
    expect(classifyPostgresError(refused, { port: 5432 })).toBe('permanent')
    expect(classifyPostgresError(refused, { port: 443 })).toBe('infrastructure')
    expect(classifyPostgresError(refused)).toBe('infrastructure')
  })

  test('a request of fetch that failed', () => {
    const error = new TypeError('fetch failed', { cause: failure({ code: 'ECONNRESET' }) })
    expect(classifyPostgresError(error)).toBe('permanent')
    expect(classifyPostgresError(new Error('payment failed', { cause: error }))).toBe('permanent')
  })

  test('a socket in the file system that is not there, but not any missing file', () => {
    expect(classifyPostgresError(failure({ code: 'ENOENT', syscall: 'connect' }))).toBe('infrastructure')
    expect(classifyPostgresError(failure({ code: 'ENOENT', syscall: 'open' }))).toBe('permanent')
  })
})
