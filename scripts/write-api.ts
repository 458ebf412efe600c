import { mkdirSync, writeFileSync } from 'node:fs'
import { apiFiles } from './api-files.ts'

/** Writes docs/api: the OpenAPI document of the admin API, and the pages that are made of it. */
mkdirSync('docs/api', { recursive: true })
for (const [file, text] of await apiFiles()) writeFileSync(file, text)
