import { repositoryFiles, textOf } from './repository.ts'

export const RUNBOOKS = 'docs/runbooks'

export interface Runbook {
  readonly alert: string
  readonly text: string
}

/** The page of each alert. */
export function runbooks(): readonly Runbook[] {
  return repositoryFiles()
    .filter((file) => file.startsWith(`${RUNBOOKS}/`) && !file.endsWith('/README.md'))
    .map((file) => ({ alert: file.slice(RUNBOOKS.length + 1, -'.md'.length), text: textOf(file) }))
}

/** What stands in fences of this language, each fence once. */
export function fencesOf({ text }: Runbook, language: 'sh' | 'promql' | 'sql'): readonly string[] {
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gm'))].map(
    ([, code]) => code!,
  )
}

/** Every command line of `waybill` on the page, in fences and in sentences, as its words. */
export function commandsOf(runbook: Runbook): readonly (readonly string[])[] {
  const lines = fencesOf(runbook, 'sh').flatMap((code) => code.split('\n'))
  const quoted = [...runbook.text.matchAll(/`(waybill [^`\n]+)`/g)].map(([, command]) => command!)
  return [...lines, ...quoted]
    .filter((line) => line.startsWith('waybill '))
    .map((line) => wordsOf(line.replace(/\s#.*$/, '')).slice(1))
}

/** As a shell takes a line apart that has single quotes only. */
function wordsOf(line: string): readonly string[] {
  return [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, word]) => quoted ?? word!)
}
