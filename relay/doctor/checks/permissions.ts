import { ok, unchecked, warning, type Check } from '../check.ts'
import type { ManagedFacts } from '../facts.ts'
import { onManagement } from './on-management.ts'

export const permissions: Check<ManagedFacts> = {
  code: 'BROKER_PERMISSIONS',
  wanted: 'A user that may do what it needs and not everything.',
  remedy: 'Set permissions for this user by `rabbitmqctl set_permissions`; docs/doctor.md has an example.',
  worst: 'warning',
  look: onManagement(({ permissions: given }) => {
    if (given === null) return unchecked('The user of the management API may not see permissions.')
    const { configure, write, read } = given
    const seen = `configure ${JSON.stringify(configure)}, write ${JSON.stringify(write)}, read ${JSON.stringify(read)}.`
    return [configure, write, read].every((pattern) => pattern === '.*') ? warning(seen) : ok(seen)
  }),
}
