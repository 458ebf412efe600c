import { describe, expect, it } from 'vitest'
import { KNOWN_NAMES, readConfig, type ConfigUse, type Environment } from '../../../relay/config.ts'
import { relayOptions } from '../../../relay/config/relay-options.ts'
import { RELAY_VARIABLES } from '../../../relay/config/relay-variables.ts'
import { VARIABLES } from '../../../relay/config/variables.ts'
import { resolveOptions } from '../../../relay/options.ts'
import { isWaybillError } from '../../../src/index.ts'

const DATABASE = 'postgres://orders:s3cret-word@db:5432/orders'
const BROKER = 'amqp://relay:other-w0rd@mq:5672/orders'
const GOOD: Environment = { WAYBILL_DATABASE_URL: DATABASE, WAYBILL_AMQP_URL: BROKER }

function read(env: Environment, use: ConfigUse = 'relay', files: Readonly<Record<string, string>> = {}) {
  return readConfig(use, {
    env,
    readFile: (path) => {
      const text = files[path]
      if (text === undefined) throw Object.assign(new Error('no such file'), { code: 'ENOENT' })
      return text
    },
  })
}

/** What a start with this environment complains about; fails when it does not. */
function complaint(
  env: Environment,
  use: ConfigUse = 'relay',
  files: Readonly<Record<string, string>> = {},
): string {
  try {
    read(env, use, files)
  } catch (error) {
    if (isWaybillError(error, 'WAYBILL_CONFIGURATION_INVALID')) return error.message
    throw error
  }
  throw new Error('The configuration was accepted.')
}

/** The complaint, or nothing when there is none. */
function attempt(env: Environment): string {
  try {
    read(env)
    return ''
  } catch (error) {
    return String(error)
  }
}

describe('reading the environment', () => {
  it('takes two URLs and fills in the documented defaults', () => {
    const { values } = read(GOOD)
    expect(values.WAYBILL_DATABASE_URL).toBe(DATABASE)
    expect(values.WAYBILL_AMQP_URL).toBe(BROKER)
    for (const [name, variable] of Object.entries(VARIABLES)) {
      if (!(name in GOOD)) expect(values[name as keyof typeof values]).toEqual(variable.fallback)
    }
  })

  it('turns texts into numbers, choices and addresses', () => {
    const env = {
      ...GOOD,
      WAYBILL_BATCH_SIZE: ' 250\n',
      WAYBILL_LOG_FORMAT: 'TEXT',
      WAYBILL_HEALTH_LISTEN: '[::1]:0',
    }
    const { values } = read(env)
    expect(values.WAYBILL_BATCH_SIZE).toBe(250)
    expect(values.WAYBILL_LOG_FORMAT).toBe('text')
    expect(values.WAYBILL_HEALTH_LISTEN).toEqual({ host: '::1', port: 0 })
  })

  it('counts an empty variable as not set, as compose files leave them', () => {
    expect(read({ ...GOOD, WAYBILL_BATCH_SIZE: '' }).values.WAYBILL_BATCH_SIZE).toBe(1000)
    expect(complaint({ ...GOOD, WAYBILL_AMQP_URL: ' ' })).toContain('WAYBILL_AMQP_URL is not set')
  })

  it('asks each command only for what it needs', () => {
    expect(read({ WAYBILL_DATABASE_URL: DATABASE }, 'database').values.WAYBILL_AMQP_URL).toBeNull()
    expect(read({}, 'nothing').values.WAYBILL_SCHEMA).toBe('waybill')
    expect(complaint({}, 'database')).not.toContain('WAYBILL_AMQP_URL')
    expect(complaint({})).toMatch(/WAYBILL_DATABASE_URL is not set.*\n.*WAYBILL_AMQP_URL is not set/)
  })
})

describe('a configuration that cannot work', () => {
  it('is told in one go, each problem with its variable, its value, what is wanted and what to do', () => {
    const text = complaint({
      ...GOOD,
      WAYBILL_LEASE_MS: '15s',
      WAYBILL_LOG_LEVEL: 'loud',
      WAYBILL_WINDOW: '0',
    })
    expect(text).toContain('3 things are wrong')
    expect(text).toContain(
      'WAYBILL_LEASE_MS=15s is not a whole number. Wanted: a whole number of milliseconds',
    )
    expect(text).toContain('here 15000')
    expect(text).toContain('WAYBILL_LOG_LEVEL=loud')
    expect(text).toContain('debug or info or warn or error or silent')
    expect(text).toContain('WAYBILL_WINDOW=0 is below 1')
    expect(text).toContain('leave WAYBILL_WINDOW out to get 2000')
  })

  it.each([
    ['WAYBILL_BATCH_SIZE', '1.5'],
    ['WAYBILL_BATCH_SIZE', '-1'],
    ['WAYBILL_BATCH_SIZE', '1e3'],
    ['WAYBILL_BATCH_SIZE', '99999999999999999999'],
    ['WAYBILL_AMQP_HEARTBEAT_MS', '1500'],
    ['WAYBILL_HEALTH_LISTEN', '9464'],
    ['WAYBILL_HEALTH_LISTEN', 'localhost:70000'],
    ['WAYBILL_HEALTH_LISTEN', '::1:9464'],
    ['WAYBILL_SCHEMA', 'pg_waybill'],
    ['WAYBILL_SCHEMA', 'ä'.repeat(32)],
    ['WAYBILL_ORDER', 'loose'],
    ['WAYBILL_ON_DEAD', 'drop'],
    ['WAYBILL_DATABASE_URL', 'mysql://h/db'],
    ['WAYBILL_DATABASE_URL', 'db:5432'],
    ['WAYBILL_AMQP_URL', 'http://mq'],
    ['WAYBILL_AMQP_URL', 'amqp://mq:port/'],
    ['WAYBILL_HOST', 'a\u0007b'],
  ])('refuses %s=%s', (name, value) => {
    expect(complaint({ ...GOOD, [name]: value })).toContain(`${name}=`)
  })

  it('names the variable that a misspelt one was probably meant to be', () => {
    expect(complaint({ ...GOOD, WAYBILL_BATCHSIZE: '5' })).toContain('Did you mean WAYBILL_BATCH_SIZE?')
    expect(complaint({ ...GOOD, WAYBILL_DATABASE_URI: DATABASE })).toContain(
      'Did you mean WAYBILL_DATABASE_URL?',
    )
    expect(complaint({ ...GOOD, WAYBILL_ZZZZZZ: '1' })).not.toContain('Did you mean')
  })

  it.each([
    'WAYBILL_SERVICE_HOST',
    'WAYBILL_PORT',
    'WAYBILL_RELAY_SERVICE_HOST',
    'WAYBILL_RELAY_SERVICE_PORT',
    'WAYBILL_RELAY_SERVICE_PORT_HEALTH',
    'WAYBILL_RELAY_PORT',
    'WAYBILL_RABBITMQ_PORT_5672_TCP',
    'WAYBILL_RABBITMQ_PORT_5672_TCP_PROTO',
    'WAYBILL_RABBITMQ_PORT_5672_TCP_PORT',
    'WAYBILL_RABBITMQ_PORT_5672_TCP_ADDR',
  ])('ignores %s, which Kubernetes sets by itself', (name) => {
    expect(() => read({ ...GOOD, [name]: 'tcp://10.0.0.1:5672' })).not.toThrow()
  })

  it('no variable of Waybill looks like one of Kubernetes, or a mistake in it would pass unseen', () => {
    for (const name of KNOWN_NAMES) expect(name).not.toMatch(/_PORT$|_SERVICE_HOST$|_PORT_/)
  })
})

describe('secrets', () => {
  it.each([
    ['a scheme that is wrong', 'mysql://orders:s3cret-word@db/orders'],
    ['an unescaped #', 'postgres://orders:12#s3cret-word@db/orders'],
    ['an unescaped / and @', 'postgres://orders:s3cr/et-w@rd@db:x/orders'],
    ['no URL at all', 'orders:s3cret-word@db/orders'],
    ['a password among the parameters', 'mysql://db/orders?user=a&password=s3cret-word'],
  ])('are not shown when the URL has %s', (_case, url) => {
    const text = complaint({ ...GOOD, WAYBILL_DATABASE_URL: url })
    expect(text).toContain('WAYBILL_DATABASE_URL=')
    expect(text).not.toMatch(/s3cr|et-w|w@rd/)
  })

  it('are not shown when they stand in a variable that is misspelt or meant for something else', () => {
    expect(complaint({ ...GOOD, WAYBILL_DATABASE_URI: DATABASE })).not.toContain('s3cret-word')
    expect(complaint({ ...GOOD, WAYBILL_HEALTH_LISTEN: DATABASE })).not.toContain('s3cret-word')
  })

  it('may come from files, without the newline at their end', () => {
    const env = { WAYBILL_DATABASE_URL_FILE: '/run/db', WAYBILL_AMQP_URL_FILE: '/run/mq' }
    const { values } = read(env, 'relay', { '/run/db': `${DATABASE}\n`, '/run/mq': BROKER })
    expect(values.WAYBILL_DATABASE_URL).toBe(DATABASE)
    expect(values.WAYBILL_AMQP_URL).toBe(BROKER)
  })

  it('of the broker are read anew from their file, checked and hidden each time', () => {
    const files = { '/run/mq': BROKER }
    const env = { WAYBILL_DATABASE_URL: DATABASE, WAYBILL_AMQP_URL_FILE: '/run/mq' }
    const { amqpUrl, redact } = read(env, 'relay', files)
    expect(amqpUrl()).toBe(BROKER)
    files['/run/mq'] = `${BROKER.replace('other-w0rd', 'n3xt-word')}\n`
    expect(redact('n3xt-word')).toBe('n3xt-word')
    expect(amqpUrl()).toBe(BROKER.replace('other-w0rd', 'n3xt-word'))
    expect(redact('n3xt-word, other-w0rd')).toBe('***, ***')
    files['/run/mq'] = 'half a fil'
    expect(amqpUrl).toThrow('WAYBILL_AMQP_URL')
    files['/run/mq'] = ''
    expect(amqpUrl).toThrow('names a file that is empty')
    expect(read(GOOD).amqpUrl()).toBe(BROKER)
    expect(read({ WAYBILL_DATABASE_URL: DATABASE }, 'database').amqpUrl()).toBe('')
  })

  it('in files that are missing, empty or given twice are refused', () => {
    const missing = complaint({ ...GOOD, WAYBILL_DATABASE_URL: '', WAYBILL_DATABASE_URL_FILE: '/nowhere' })
    expect(missing).toContain('WAYBILL_DATABASE_URL_FILE=/nowhere names a file that cannot be read (ENOENT)')
    expect(missing).not.toContain('WAYBILL_DATABASE_URL is not set')
    expect(
      complaint({ WAYBILL_AMQP_URL: BROKER, WAYBILL_DATABASE_URL_FILE: '/e' }, 'relay', { '/e': '\n' }),
    ).toContain('names a file that is empty')
    expect(complaint({ ...GOOD, WAYBILL_DATABASE_URL_FILE: '/run/db' })).toContain('are both set')
  })

  it('only secrets may come from files', () => {
    expect(complaint({ ...GOOD, WAYBILL_SCHEMA_FILE: '/run/schema' })).toContain(
      'WAYBILL_SCHEMA_FILE is not a variable',
    )
  })

  it('are hidden in any text by the configuration that knows them', () => {
    const { redact } = read({
      ...GOOD,
      WAYBILL_DATABASE_URL: 'postgres://o:p%40ss-word@db/o?sslpassword=k3y-word',
    })
    const text = redact('auth failed for p@ss-word, p%40ss-word, other-w0rd, k3y-word at amqp://u:unknown@h/')
    expect(text).toBe('auth failed for ***, ***, ***, *** at amqp://u:***@h/')
  })
})

describe('values that are not safe together', () => {
  it('a successor that could publish before the broker has dropped a frozen relay is refused with the numbers', () => {
    const text = complaint({ ...GOOD, WAYBILL_AMQP_HEARTBEAT_MS: '10000' })
    expect(text).toContain('3.3 × WAYBILL_AMQP_HEARTBEAT_MS (10000) < WAYBILL_GRACE_MS (10000)')
    expect(text).not.toMatch(/graceMs|heartbeatMs/)
    const env = { ...GOOD, WAYBILL_AMQP_HEARTBEAT_MS: '10000' }
    expect(() => read({ ...env, WAYBILL_GRACE_MS: '26001' })).not.toThrow()
    expect(complaint({ ...env, WAYBILL_GRACE_MS: '26000' })).toContain('Raise WAYBILL_GRACE_MS')
  })

  it('renewals so seldom that a single lost one costs the lanes are refused', () => {
    const text = complaint({ ...GOOD, WAYBILL_RENEW_MS: '4001' })
    expect(text).toContain('2 × WAYBILL_RENEW_MS <= WAYBILL_LEASE_MS')
  })

  it('the defaults are safe together, and those of the library', () => {
    expect(relayOptions(read(GOOD).values)).toEqual(resolveOptions())
  })

  it('what depends on the lease follows it', () => {
    const options = relayOptions(
      read({ ...GOOD, WAYBILL_LEASE_MS: '6000', WAYBILL_GRACE_MS: '30000' }).values,
    )
    expect(options).toMatchObject({ leaseMs: 6000, renewMs: 1500, marginMs: 800, confirmTimeoutMs: 2000 })
  })

  it('no variable allows what the option behind it refuses', () => {
    for (const [name, variable] of Object.entries(RELAY_VARIABLES)) {
      const range = /from (\d+) to (\d+)$/.exec(variable.parser.wanted)
      for (const limit of range?.slice(1) ?? []) {
        const text = attempt({ ...GOOD, [name]: limit })
        expect(text).not.toContain('whole number from')
      }
    }
  })
})
