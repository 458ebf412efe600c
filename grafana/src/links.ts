import { VALUES } from '../../prometheus/src/values.ts'
import type { Link } from './panels.ts'

export const RUNBOOKS: string = VALUES.runbooks

/** Of the admin API, whose address is a variable of the dashboard. */
export const DEAD_LETTERS: Link = {
  title: 'Dead letters of ${__field.labels.consumer}',
  url: '${admin}/dead-letters?consumer=${__field.labels.consumer}',
}

export const runbook = (alert: string): Link => ({
  title: `Runbook ${alert}`,
  url: `${RUNBOOKS}/${alert}.md`,
})
