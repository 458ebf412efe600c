import type { ConnectionOptions } from 'node:tls'
import { WaybillError } from '../../src/index.ts'
import { checkNames } from '../../src/ports.ts'

/** Of Node's options for TLS those that say whom to trust and who one is; the rest belongs to the address. */
const TLS_NAMES = [
  ...['ca', 'cert', 'key', 'passphrase', 'pfx', 'crl', 'servername', 'checkServerIdentity'],
  ...['rejectUnauthorized', 'minVersion', 'maxVersion', 'ciphers', 'sigalgs', 'ecdhCurve'],
]

/** What is wrong with an address; it is not repeated, as it holds a password. */
export function urlFault(url: unknown): string | null {
  if (typeof url !== 'string') return `is ${url === null ? 'null' : typeof url}`
  if (!URL.canParse(url)) return 'is no URL'
  const { protocol, hostname } = new URL(url)
  if (protocol !== 'amqp:' && protocol !== 'amqps:') return `begins with ${protocol}`
  return hostname === '' ? 'names no host' : null
}

/** What a user who gives `tls` takes for encrypted must not be sent in the clear. */
export function tlsFault(url: string, tls: ConnectionOptions | null): string | null {
  if (tls === null || url.startsWith('amqps:')) return null
  return 'begins with amqp:, which is not encrypted, although the option tls is given'
}

export function resolveTls(tls: unknown): ConnectionOptions | null {
  if (tls === undefined) return null
  checkNames(tls, 'Option tls of rabbitmq', TLS_NAMES)
  const given = tls as ConnectionOptions
  if (!(given.rejectUnauthorized ?? true)) {
    refuse(
      'tls.rejectUnauthorized',
      'would let anybody answer for the broker',
      'Give the certificate of its authority as tls.ca, and its name as tls.servername if the address has another.',
    )
  }
  return given
}

export function whole(name: string, value: unknown, { from, to }: { from: number; to: number }): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= from && value <= to) return value
  return refuse(
    name,
    `is ${String(value)}`,
    `Wanted is a whole number from ${String(from)} to ${String(to)}.`,
  )
}

export function refuse(name: string, fault: string, wanted: string): never {
  throw new WaybillError('WAYBILL_OPTION_INVALID', { problem: `Option ${name} ${fault}.`, wanted })
}
