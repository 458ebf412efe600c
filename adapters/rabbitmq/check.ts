import { WaybillError } from '../../src/index.ts'

/** What is wrong with an address; it is not repeated, as it holds a password. */
export function urlFault(url: unknown): string | null {
  if (typeof url !== 'string') return `is ${url === null ? 'null' : typeof url}`
  if (!URL.canParse(url)) return 'is no URL'
  const { protocol, hostname } = new URL(url)
  if (protocol !== 'amqp:' && protocol !== 'amqps:') return `begins with ${protocol}`
  return hostname === '' ? 'names no host' : null
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
