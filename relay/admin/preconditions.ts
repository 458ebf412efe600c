import type { IncomingHttpHeaders } from 'node:http'
import { invalidRequest, Problem } from './problems/problem.ts'
import type { Route } from './route.ts'

const LONGEST_KEY = 255

/** @throws Problem when a change has no Idempotency-Key that can be used. */
export function idempotencyKeyOf(headers: IncomingHttpHeaders): string {
  const given = headers['idempotency-key']
  if (given === undefined || given === '') {
    throw new Problem('idempotency_key_missing', {
      detail:
        'Send one that is new for each thing that you ask for, such as a UUID, and the same one when you ask again.',
    })
  }
  // The draft of the header writes it as a string in quotes; most clients leave them out.
  const key = /^"(.*)"$/.exec(String(given))?.[1] ?? String(given)
  if (/^[\x21-\x7e]+$/.test(key) && key.length <= LONGEST_KEY) return key
  throw invalidRequest([
    {
      in: 'header',
      pointer: '/idempotency-key',
      detail: `This must be of 1 to ${LONGEST_KEY} visible characters.`,
    },
  ])
}

/** Undefined: whichever it has. @throws Problem */
export function revisionOf(headers: IncomingHttpHeaders, ifMatch: Route['ifMatch']): number | undefined {
  if (ifMatch === undefined) return undefined
  const given = headers['if-match']
  if (given === undefined) {
    if (ifMatch === 'taken') return undefined
    throw new Problem('precondition_required', {
      detail:
        'Send the ETag of what you have seen, so that nothing is changed that somebody else has changed since.',
    })
  }
  if (given === '*') return undefined
  const revision = /^"(\d{1,15})"$/.exec(given)?.[1]
  if (revision !== undefined) return Number(revision)
  // Weak tags never match, and neither do those that are not ours.
  throw new Problem('revision_conflict', { detail: 'If-Match has no ETag of this API.' })
}

export function etagOf({ revision }: { readonly revision: number }): string {
  return `"${revision}"`
}
