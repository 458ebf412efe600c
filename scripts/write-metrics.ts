import { writeFileSync } from 'node:fs'
import { METRICS_PAGE, metricsPageText } from './metrics-page.ts'

/** Writes docs/metrics.md out of src/telemetry/names.ts. */
writeFileSync(METRICS_PAGE, await metricsPageText())
