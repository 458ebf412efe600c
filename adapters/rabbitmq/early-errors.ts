import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

/** By this client property of AMQP a connection is known as one of ours. */
export const CLIENT_PROPERTY = 'waybill'

/** What amqplib makes of a socket. It is not among its exports: should it ever be missing, nothing is caught. */
interface ConnectionClass {
  readonly prototype: {
    open: (this: EarlyConnection, fields: OpeningFields, callback: unknown) => void
  }
}

interface EarlyConnection {
  on(event: 'error', listener: () => void): void
}

interface OpeningFields {
  readonly clientProperties?: Readonly<Record<string, unknown>>
}

let isDone = false

/**
 * Keeps the process alive when a broker opens a connection and closes it with an error in the same breath. amqplib (2.3.1)
 * reads all that has arrived before it hands the connection over, so that nobody can listen yet: the error of the closing would be
 * thrown where nobody catches it, and so would one of its heartbeat every second after. With a listener the connection comes closed,
 * which is noticed. Connections of others in this process are left alone.
 */
export function catchEarlyErrors(): void {
  if (isDone) return
  isDone = true
  const connection = findConnectionClass()
  if (connection === null) return
  const { open } = connection.prototype
  connection.prototype.open = function (fields, callback) {
    if (fields.clientProperties?.[CLIENT_PROPERTY] !== undefined) this.on('error', () => undefined)
    open.call(this, fields, callback)
  }
}

function findConnectionClass(): ConnectionClass | null {
  try {
    const require = createRequire(import.meta.url)
    const module: unknown = require(join(dirname(require.resolve('amqplib')), 'lib', 'connection.js'))
    const { Connection } = module as { readonly Connection?: Partial<ConnectionClass> }
    return typeof Connection?.prototype?.open === 'function' ? (Connection as ConnectionClass) : null
  } catch {
    // Bundled, or laid out otherwise: what is caught is rare, and all else works without.
    return null
  }
}
