import { randomBytes } from 'node:crypto'
import { inject } from 'vitest'
import { evalOn, runCtl, type Rabbitmqctl } from './rabbitmqctl.ts'

/** Operations on the shared broker by rabbitmqctl. */
export interface BrokerControl {
  /** Runs rabbitmqctl; resolves with its output. */
  ctl(...args: string[]): Promise<string>
  /** Evaluates an Erlang expression inside the node. */
  eval(erlang: string): Promise<string>
}

export interface TestVhost extends AsyncDisposable {
  readonly url: string
  /** The vhost's name, as rabbitmqctl wants it after `-p`. */
  readonly name: string
  /** Undefined where the broker was only given by TEST_AMQP_URL. */
  readonly control: BrokerControl | undefined
}

/**
 * A fresh vhost of the shared broker, deleted on dispose. A broker that is known by TEST_AMQP_URL alone gives no
 * right to make vhosts: then it is the vhost of that URL for everybody, so a suite that
 * runs there gives its queues and exchanges names that nobody else uses.
 */
export async function createTestVhost(): Promise<TestVhost> {
  const brokerUrl = inject('amqpUrl')
  const control = brokerControl()
  if (!control) return sharedVhost(brokerUrl)
  const name = uniqueName('vhost')
  const { username } = new URL(brokerUrl)
  await control.eval(creation(name, decodeURIComponent(username) || 'guest'))
  return {
    url: withVhost(brokerUrl, name),
    name,
    control,
    [Symbol.asyncDispose]: async () => {
      await control.ctl('delete_vhost', name)
    },
  }
}

/** rabbitmqctl of the shared broker, where it is at hand. */
function brokerControl(): BrokerControl | undefined {
  const rabbitmqctl: Rabbitmqctl | null = inject('rabbitmqctl')
  if (!rabbitmqctl) return undefined
  return {
    ctl: (...args) => runCtl(rabbitmqctl, args),
    eval: (erlang) => evalOn(rabbitmqctl, erlang),
  }
}

/** A name that no other test uses. */
function uniqueName(prefix: string): string {
  return `${prefix}-${randomBytes(6).toString('hex')}`
}

/** One call instead of two: a start of rabbitmqctl costs a third of a second. */
function creation(vhost: string, user: string): string {
  const everything = '<<".*">>, <<".*">>, <<".*">>'
  return (
    `rabbit_vhost:add(<<"${vhost}">>, <<"tests">>), ` +
    `ok = rabbit_auth_backend_internal:set_permissions(<<"${user}">>, <<"${vhost}">>, ${everything}, <<"tests">>).`
  )
}

function withVhost(brokerUrl: string, vhost: string): string {
  const url = new URL(brokerUrl)
  url.pathname = `/${encodeURIComponent(vhost)}`
  return url.href
}

function sharedVhost(url: string): TestVhost {
  const name = decodeURIComponent(new URL(url).pathname.slice(1)) || '/'
  return { url, name, control: undefined, [Symbol.asyncDispose]: () => Promise.resolve() }
}
