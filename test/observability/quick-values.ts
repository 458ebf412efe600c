import { VALUES, type Values } from '../../prometheus/src/values.ts'

/** The committed thresholds with times so short that a test can wait for them. The windows of the budgets keep their names. */
export const QUICK_VALUES: Values = {
  ...VALUES,
  interval: '1s',
  sampleLasts: '3s',
  now: '10s',
  lately: '1m',
  wait: { short: '1s', usual: '2s', long: '3s', longer: '5s' },
  relay: { ...VALUES.relay, silentSeconds: 4, stalledSeconds: 5, sampleSeconds: 10 },
}
