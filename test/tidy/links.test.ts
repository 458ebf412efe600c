import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, it } from 'vitest'
import { PROJECT_ROOT } from '../support/child.ts'
import { repositoryFiles, textOf } from './repository.ts'

const LINK = /\]\(([^)\s]+)\)/g

it('has no link in its pages that leads nowhere', () => {
  const broken = repositoryFiles()
    .filter((file) => file.endsWith('.md'))
    .flatMap((page) => targetsIn(page).map((target) => ({ page, target })))
    .filter(({ page, target }) => !leadsSomewhere(page, target))
  expect(broken).toEqual([])
})

function targetsIn(page: string): string[] {
  const text = textOf(page).replace(/^```[\s\S]*?^```/gm, '')
  return [...text.matchAll(LINK)].map(([, target]) => target!).filter((target) => !/^[a-z]+:/.test(target))
}

function leadsSomewhere(page: string, target: string): boolean {
  const [path = '', anchor] = target.split('#')
  const file = path === '' ? page : join(dirname(page), path)
  if (!existsSync(join(PROJECT_ROOT, file))) return false
  return anchor === undefined || !file.endsWith('.md') || anchorsOf(file).has(anchor)
}

/** As GitHub makes them of headings. */
function anchorsOf(page: string): Set<string> {
  const headings = textOf(page).match(/^#+ .*$/gm) ?? []
  const anchors = headings.map((heading) =>
    heading
      .replace(/^#+ /, '')
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, ''),
  )
  return new Set(anchors.map((anchor) => anchor.trim().replaceAll(' ', '-')))
}
