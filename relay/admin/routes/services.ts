import { route, type Route } from '../route.ts'
import { NEEDED_REASON_BODY, REASON_BODY } from '../schemas/changes.ts'
import { CONSUMER_PARAMS, RELAY_PARAMS } from '../schemas/params.ts'
import { CONSUMERS, PAUSE, RELAYS, RESUMED, STATS } from '../schemas/views.ts'

const KINDS = {
  consumer: { path: '/consumers/{name}', params: CONSUMER_PARAMS, what: 'a consumer' },
  relay: { path: '/relays/{name}', params: RELAY_PARAMS, what: 'the relays of a host, or all of them' },
} as const

export const SERVICE_ROUTES: readonly Route[] = [
  route({
    method: 'GET',
    path: '/stats',
    operation: 'stats.show',
    summary: 'How much is stuck',
    tag: 'Services',
    needs: 'reader',
    answers: { 200: { description: 'Counts.', schema: STATS } },
    run: async ({ operations }) => ({ body: await operations.services.stats() }),
  }),
  route({
    method: 'GET',
    path: '/relays',
    operation: 'relays.list',
    summary: 'Relays, with their lanes',
    tag: 'Services',
    needs: 'reader',
    answers: { 200: { description: 'All relays.', schema: RELAYS } },
    run: async ({ operations }) => ({ body: { items: await operations.services.relays() } }),
  }),
  route({
    method: 'GET',
    path: '/consumers',
    operation: 'consumers.list',
    summary: 'Consumers, with their instances and what is stuck',
    tag: 'Services',
    needs: 'reader',
    answers: { 200: { description: 'All consumers.', schema: CONSUMERS } },
    run: async ({ operations }) => ({ body: { items: await operations.services.consumers() } }),
  }),
  ...(['relay', 'consumer'] as const).flatMap((kind) => [pause(kind), resume(kind)]),
]

function pause(kind: keyof typeof KINDS): Route {
  const { path, params, what } = KINDS[kind]
  return route({
    method: 'POST',
    path: `${path}/pause`,
    operation: `${kind}s.pause`,
    summary: `Stop ${what} for a while`,
    description: 'It takes effect within two seconds, and lasts until it is resumed.',
    tag: 'Services',
    needs: 'operator',
    params,
    body: NEEDED_REASON_BODY,
    answers: { 200: { description: 'The pause.', schema: PAUSE } },
    problems: ['idempotency_mismatch'],
    run: async (call) => {
      const intent = { ...call.intent, reason: call.body.reason }
      return { body: await call.operations.services.pause(kind, call.params.name, intent) }
    },
  })
}

function resume(kind: keyof typeof KINDS): Route {
  const { path, params, what } = KINDS[kind]
  return route({
    method: 'POST',
    path: `${path}/resume`,
    operation: `${kind}s.resume`,
    summary: `Let ${what} go on`,
    tag: 'Services',
    needs: 'operator',
    params,
    body: REASON_BODY,
    answers: { 200: { description: 'Whether there was a pause.', schema: RESUMED } },
    problems: ['idempotency_mismatch'],
    run: async (call) => {
      const intent = { ...call.intent, reason: call.body.reason }
      return { body: { wasPaused: await call.operations.services.resume(kind, call.params.name, intent) } }
    },
  })
}
