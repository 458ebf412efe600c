import type { AdminMoments } from '../../src/ports.ts'
import { bounded } from './bounded.ts'
import type { Instruments } from './instruments.ts'

/** Patterns, of which an API has a fixed number; this only keeps a mistake from filling the memory. */
const MOST_ROUTES = 100
const MOST_ACTIONS = 100

export function adminMoments({ add, observer, declare }: Instruments, outbox: string): AdminMoments {
  const routeLabel = bounded(MOST_ROUTES)
  const actionLabel = bounded(MOST_ACTIONS)
  return {
    operations(actions) {
      for (const action of actions.map(actionLabel)) declare('admin_actions_total', { action })
      declare('dlq_resolved_messages_total', { outbox })
      declare('admin_bulk_operations_total', { outbox })
    },
    request({ method, route, status, durationMs }) {
      const labels = {
        method,
        route: routeLabel(route),
        status_class: `${String(Math.floor(status / 100))}xx`,
      }
      observer('admin_http_request_duration_seconds', labels).observe(durationMs / 1000)
    },
    action: (action, outcome) => add('admin_actions_total', { action: actionLabel(action), outcome }),
    resolved: (action, count) => add('dlq_resolved_messages_total', { outbox, action }, count),
    bulkEnded: (action, outcome) => add('admin_bulk_operations_total', { outbox, action, outcome }),
  }
}
