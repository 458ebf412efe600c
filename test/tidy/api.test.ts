import { expect, it } from 'vitest'
import { apiFiles } from '../../scripts/api-files.ts'
import { repositoryFiles, textOf } from './repository.ts'

it('has in docs/api what the routes of the admin API say; `npm run api` writes it', async () => {
  const made = await apiFiles()
  expect(repositoryFiles().filter((file) => file.startsWith('docs/api/'))).toEqual([...made.keys()].sort())
  for (const [file, text] of made) expect(textOf(file), file).toBe(text)
})
