import { writeFileSync } from 'node:fs'
import { DASHBOARDS_FOLDER, dashboardFiles } from '../grafana/src/dashboards.ts'

/** Writes grafana/dashboards out of grafana/src. */
for (const [name, text] of await dashboardFiles()) writeFileSync(`${DASHBOARDS_FOLDER}/${name}`, text)
