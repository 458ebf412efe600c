import type { IncomingMessage } from 'node:http'
import { isIPv4 } from 'node:net'
import { Problem } from '../problems/problem.ts'
import { GRANTS, type Authenticate } from './principal.ts'

/** Whether an address or a name stands for this machine only. */
export function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[(.*)\]$/, '$1').replace(/^::ffff:/i, '')
  return bare === 'localhost' || bare === '::1' || (isIPv4(bare) && bare.startsWith('127.'))
}

/**
 * Lets everybody on this machine do everything: for trying things out. Requests that came by a proxy, and those that a
 * page of another origin has made a browser send, are denied, since they come from elsewhere.
 */
export function openAuth(): Authenticate {
  return (request) => {
    const fault = foreignness(request)
    if (fault !== null) throw new Problem('forbidden', { detail: `Without tokens ${fault}` })
    return { name: 'anybody on this machine', grants: GRANTS }
  }
}

function foreignness({ socket, headers }: IncomingMessage): string | null {
  if (!isLoopback(socket.localAddress ?? '') || !isLoopback(socket.remoteAddress ?? '')) {
    return 'only this machine is answered.'
  }
  if (headers.forwarded !== undefined || headers['x-forwarded-for'] !== undefined) {
    return 'no proxy may stand in between.'
  }
  // A name of somebody else's that leads to this machine would let that page read what is answered.
  const { host = '', origin } = headers
  if (!isLoopback(hostnameOf(`http://${host}`))) return 'the header Host must name this machine.'
  return origin === undefined || isLoopback(hostnameOf(origin))
    ? null
    : 'no page of another origin is answered.'
}

function hostnameOf(url: string): string {
  return URL.canParse(url) ? new URL(url).hostname : ''
}
