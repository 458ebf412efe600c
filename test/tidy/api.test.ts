import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { apiFiles } from '../../scripts/api-files.ts'
import { PROJECT_ROOT } from '../support/child.ts'
import { repositoryFiles, textOf } from './repository.ts'

it('has in docs/api what the routes of the admin API say; `npm run api` writes it', async () => {
  const made = await apiFiles()
  expect(repositoryFiles().filter((file) => file.startsWith('docs/api/'))).toEqual([...made.keys()].sort())
  for (const [file, text] of made) expect(textOf(file), file).toBe(text)
})

it('describes the admin API by a valid OpenAPI document', { timeout: 60_000 }, async () => {
  const args = ['node_modules/@redocly/cli/bin/cli.js', 'lint', 'docs/api/openapi.json', '--format=json']
  // It would ask the network for news of itself.
  const env = { ...process.env, REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' }
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: PROJECT_ROOT, env }).catch(
    (error: unknown) => error as { readonly stdout: string },
  )
  expect(JSON.parse(stdout)).toMatchObject({ totals: { errors: 0, warnings: 0 }, problems: [] })
})
