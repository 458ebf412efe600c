import { WaybillError } from '../../src/index.ts'

/** The AMQP reply code of an error of amqplib, if it has one. */
export function replyCode(error: unknown): number | null {
  if (typeof error !== 'object' || error === null || !('code' in error)) return null
  return typeof error.code === 'number' ? error.code : null
}

export function toError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown))
}

/** AMQP reply codes (AMQP 0-9-1 section 1.2 and RabbitMQ's use of them). */
export const REPLY = { noRoute: 312, accessRefused: 403, notFound: 404, preconditionFailed: 406 } as const

/** OpenSSL's codes for a certificate that cannot be believed, and Node's for one of another name. */
const CERTIFICATE_FAULT = /^(CERT_|ERR_TLS_CERT|SELF_SIGNED_CERT|DEPTH_ZERO|UNABLE_TO_(GET|VERIFY))/

/**
 * Whether trying again soon cannot help, because somebody has to change something first: credentials, a certificate,
 * the vhost, a permission, a queue. During the opening of a connection amqplib keeps the code only inside the text.
 */
export function needsSomebody(error: unknown): boolean {
  if (error instanceof WaybillError) return error.code !== 'WAYBILL_BROKER_UNAVAILABLE'
  const code = replyCode(error)
  if (code !== null) return code >= 402 && code <= 406
  if (CERTIFICATE_FAULT.test(String((error as { code?: unknown } | null)?.code))) return true
  const text = toError(error).message
  return text.startsWith('Handshake terminated by server') || text.startsWith('Expected ConnectionOpenOk')
}

/** The broker cannot be used now; the reason is the cause. */
export function unavailable(problem: string, cause?: unknown): WaybillError {
  const because = cause === undefined ? '' : ` ${toError(cause).message}`
  return new WaybillError('WAYBILL_BROKER_UNAVAILABLE', { problem: `${problem}${because}`, cause })
}
