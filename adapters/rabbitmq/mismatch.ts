import { WaybillError } from '../../src/index.ts'
import { REPLY, replyCode } from './failure.ts'

/** `inequivalent arg 'x-delivery-limit' for queue 'q' in vhost '/': received '20' but current is '10'` */
const INEQUIVALENT = /inequivalent arg '([^']+)'.*?: received (.+?) but current is (.+?)(?:"|$)/

/** What was to be declared. Bindings differ in nothing: the same one is the same. */
type Named = { readonly kind: 'queue' | 'exchange'; readonly name: string } | { readonly kind: 'binding' }

/** The error of a step that found something else under its name, or null when it failed for another reason. */
export function topologyMismatch(step: Named, cause: Error): WaybillError | null {
  if (step.kind === 'binding' || replyCode(cause) !== REPLY.preconditionFailed) return null
  const what = step.kind === 'queue' ? 'Queue' : 'Exchange'
  const match = INEQUIVALENT.exec(cause.message)
  const [, argument, received, current] = match ?? []
  const difference =
    argument === undefined
      ? ` differs: ${cause.message}`
      : ` exists with ${argument} ${plain(current ?? '')}, wanted is ${plain(received ?? '')}.`
  return new WaybillError('WAYBILL_TOPOLOGY_MISMATCH', {
    problem: `${what} "${step.name}"${difference}`,
    remedy: `RabbitMQ cannot change that: delete the ${step.kind} once it is empty, take another name, or set the option that wants it otherwise.`,
    cause,
  })
}

/** `the value '10' of type 'signedint'` and `'10'` are both 10; `none` stays. */
function plain(value: string): string {
  const quoted = /'([^']*)'/.exec(value)?.[1]
  return quoted ?? value.trim()
}
