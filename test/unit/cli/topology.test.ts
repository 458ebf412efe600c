import { describe, expect, it } from 'vitest'
import { topologyDefinitions } from '../../../adapters/rabbitmq/index.ts'
import { runCli } from '../../../relay/cli/cli.ts'
import { COMMANDS } from '../../../relay/cli/commands.ts'
import { consumerTopology, defineMessages, messageType } from '../../../src/index.ts'

async function topology(env: Readonly<Record<string, string>>, ...args: string[]) {
  const printed = { stdout: '', stderr: '' }
  const code = await runCli(['topology', ...args], COMMANDS, {
    env,
    stdout: (text) => (printed.stdout += text),
    stderr: (text) => (printed.stderr += text),
  })
  return { code, ...printed }
}

const messages = defineMessages(
  {
    'order.placed': messageType<object>({ partitioned: true }),
    'order.paid': messageType<object>({ exchange: 'payments', routingKey: 'paid' }),
  },
  { source: 'orders' },
)
const types = ['order.placed', 'order.paid'] as const
const BIND = ['--bind', 'orders.events:order.placed,payments:paid']

describe('waybill topology', () => {
  it('gives the very definitions that the catalogue gives', async () => {
    const { code, stdout } = await topology(
      {},
      '--json',
      '--exchange',
      'audit,orders.events',
      '--queue',
      'billing',
      ...BIND,
    )
    expect(code).toBe(0)
    const queues = consumerTopology({ messages, types, queue: 'billing' })
    const exchanges = ['audit', 'orders.events']
    expect(JSON.parse(stdout)).toEqual(topologyDefinitions({ queues, exchanges, vhost: '/' }))
  })

  it('knows the partitions of a consumer in mode key, and the vhost of the broker', async () => {
    const { stdout } = await topology(
      { WAYBILL_AMQP_URL: 'amqp://h/shop%2Feu' },
      ...['--json', '--queue', 'billing', ...BIND, '--partitions', '3', '--delivery-limit', '5'],
    )
    const queues = consumerTopology({ messages, types, queue: 'billing', partitions: 3 })
    expect(JSON.parse(stdout)).toEqual(topologyDefinitions({ queues, vhost: 'shop/eu', deliveryLimit: 5 }))
    const given = await topology({}, '--json', '--exchange', 'a', '--vhost', 'v')
    expect(JSON.parse(given.stdout)).toMatchObject({ exchanges: [{ name: 'a', vhost: 'v' }], queues: [] })
  })

  it('tells people what there is and which rights are left', async () => {
    const { stdout } = await topology({}, '--exchange', 'orders.events', '--queue', 'billing', ...BIND)
    for (const line of [
      '  orders.events  (topic, durable)',
      '  billing.dlx  (direct, durable)',
      '  payments -> billing  paid',
      '  relay     ^$  ^(orders\\.events)$  ^$',
      '  consumer  ^$  ^$  ^billing(\\..*)?$',
    ])
      expect(stdout.split('\n')).toContain(line)
    expect(stdout).toMatch(/^ {2}billing {2}.*x-queue-type=quorum/m)
  })

  it.each([
    [[], 'There is nothing to describe'],
    [['--bind', 'a:b'], 'none is named'],
    [['--queue', 'q', '--bind', 'order.placed'], '--bind has "order.placed"'],
    [['--queue', 'q', '--bind', 'a:'], '--bind has "a:"'],
    [['--queue', 'q', '--partitions', '65'], '--partitions is 65'],
    [['--queue', 'q', '--partitions', 'x'], '--partitions is x'],
    [['--queue', 'amq.q'], 'A queue cannot have the name'],
    [['--queue', ''], '--queue is empty'],
  ])('%j is refused with code 2', async (args, text) => {
    const answer = await topology({}, ...args)
    expect(answer).toMatchObject({ code: 2, stdout: '' })
    expect(answer.stderr).toContain(text)
  })
})
