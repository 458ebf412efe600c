import { describe, expect, it } from 'vitest'
import { createTestDatabase } from '../support/database.ts'
import { createTestVhost } from '../support/broker.ts'
import { startChild } from '../support/child.ts'

const DEMO = 'examples/orders-credit/demo.ts'

interface Report {
  readonly orders: number
  readonly pending: number
  readonly written: number
  readonly published: number
  readonly handled: number
  readonly duplicates: number
  readonly lost: number
  readonly handledTwice: number
  readonly limitViolations: number
}

async function runDemo(...args: string[]): Promise<{ report: Report; code: number | null; output: string }> {
  await using demo = startChild(DEMO, { args: ['--once', '--json', ...args] })
  const { code } = await demo.exited
  const last = demo.output.trimEnd().split('\n').at(-1) ?? ''
  if (!last.startsWith('{')) throw new Error(`The demo printed no report.\n${demo.output}`)
  return { report: JSON.parse(last) as Report, code, output: demo.output }
}

describe('two services that agree on orders by messages only', () => {
  it('decide every order once, within each credit limit, on a real PostgreSQL and RabbitMQ', async () => {
    await using database = await createTestDatabase()
    await using vhost = await createTestVhost()

    const { report, code, output } = await runDemo(
      '--count',
      '150',
      '--database-url',
      database.url,
      '--amqp-url',
      vhost.url,
    )

    expect(report, output).toMatchObject({
      orders: 150,
      pending: 0,
      lost: 0,
      handledTwice: 0,
      limitViolations: 0,
    })
    expect(report.written).toBe(300)
    expect(report.published).toBe(300)
    expect(report.handled).toBe(300)
    expect(report.duplicates).toBeGreaterThan(0)
    expect(code).toBe(0)
  })

  it('run with nothing installed but Node: an embedded PostgreSQL and a broker in memory', async () => {
    const { report, code, output } = await runDemo('--count', '40')

    expect(report, output).toMatchObject({
      orders: 40,
      pending: 0,
      written: 80,
      handled: 80,
      lost: 0,
      handledTwice: 0,
    })
    expect(report.duplicates).toBeGreaterThan(0)
    expect(code).toBe(0)
  })

  it('leave nothing behind in the database they were given', async () => {
    await using database = await createTestDatabase()

    await runDemo('--count', '5', '--database-url', database.url)

    const { rows } = await database.pool.query(
      "select nspname from pg_namespace where nspname like 'waybill%'",
    )
    expect(rows).toEqual([])
  })
})
