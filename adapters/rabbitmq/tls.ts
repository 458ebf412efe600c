import { readFile } from 'node:fs/promises'
import type { ConnectionOptions } from 'node:tls'
import { WaybillError } from '../../src/index.ts'
import { checkNames } from '../../src/ports.ts'
import { refuse } from './check.ts'
import { toError } from './failure.ts'

/** Of Node's options for TLS those that say whom to trust and who one is; the rest belongs to the address. */
const NAMES = [
  ...['ca', 'cert', 'key', 'passphrase', 'pfx', 'crl', 'servername', 'checkServerIdentity'],
  ...['rejectUnauthorized', 'minVersion', 'maxVersion', 'ciphers', 'sigalgs', 'ecdhCurve'],
]

/** The parameters of an address that name files, as RabbitMQ's own clients know them, and what they are for Node. */
const FILES = { cacertfile: 'ca', certfile: 'cert', keyfile: 'key' } as const
const SERVER_NAME = 'server_name_indication'

export function resolveTls(tls: unknown): ConnectionOptions | null {
  if (tls === undefined) return null
  checkNames(tls, 'Option tls of rabbitmq', NAMES)
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

/** What a user takes for encrypted and checked must not be sent otherwise. */
export function tlsFault(url: string, tls: ConnectionOptions | null): string | null {
  const { protocol, searchParams } = new URL(url)
  if (!['verify_peer', null].includes(searchParams.get('verify'))) return 'asks not to verify the broker'
  if (protocol === 'amqps:') return null
  const asked = tls !== null || [...Object.keys(FILES), SERVER_NAME].some((name) => searchParams.has(name))
  return asked ? 'begins with amqp:, which is not encrypted, although something for TLS is given' : null
}

/** Reads the files that the address names, anew for each connection, since certificates are renewed. */
export async function readTls(url: string, given: ConnectionOptions | null): Promise<ConnectionOptions> {
  const { searchParams } = new URL(url)
  const tls: ConnectionOptions = {}
  for (const [parameter, option] of Object.entries(FILES)) {
    const path = searchParams.get(parameter)
    if (path !== null) tls[option] = await readPem(parameter, path)
  }
  const servername = searchParams.get(SERVER_NAME)
  return { ...tls, ...(servername === null ? {} : { servername }), ...given }
}

async function readPem(parameter: string, path: string): Promise<Buffer> {
  try {
    return await readFile(path)
  } catch (error) {
    throw new WaybillError('WAYBILL_OPTION_INVALID', {
      problem: `The file that ${parameter} in the address of the broker names cannot be read: ${toError(error).message}.`,
      cause: error,
    })
  }
}
