import { join } from 'node:path'
import { expect, it } from 'vitest'
import { RULES_FOLDER } from '../../../prometheus/src/rules.ts'
import { TESTS_FOLDER } from '../../../prometheus/src/tests.ts'
import { PROJECT_ROOT } from '../../support/child.ts'
import { promtool } from '../../support/prometheus.ts'
import { repositoryFiles } from '../../tidy/repository.ts'

const filesIn = (folder: string): readonly string[] =>
  repositoryFiles()
    .filter((file) => file.startsWith(`${folder}/`))
    .map((file) => join(PROJECT_ROOT, file))

it('takes the configuration and its rules', async () => {
  const said = await promtool(['check', 'config', join(PROJECT_ROOT, 'prometheus/prometheus.yml')])
  expect(said).toContain('SUCCESS')
  expect(filesIn(RULES_FOLDER).filter((file) => !said.includes(file.split('/').at(-1)!))).toEqual([])
})

it.each(filesIn(TESTS_FOLDER))('lets alerts fire, be silent and resolve as told in %s', async (file) => {
  expect(await promtool(['test', 'rules', file])).toContain('SUCCESS')
})
