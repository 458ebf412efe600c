import { expect, it } from 'vitest'
import { commitMessages, repositoryFiles, textOf } from './repository.ts'

interface Forbidden {
  readonly what: string
  readonly pattern: RegExp
}

/** The folders of somebody's machine; those inside a container image (`/home/node`) are the image's own business. */
const MACHINE_PATH = /(?<![\w.~})-])\/(work|root|Users|home(?!\/node\b))\/[\w.-]+/

/** How a text came about is of no interest to those who read it. */
const WRITING_TOOL =
  /\b(claude|anthropic|openai|chatgpt|copilot|language models?|assistants?|co-authored-by|generated with)\b/i

const FORBIDDEN: readonly Forbidden[] = [
  { what: 'a path of one machine', pattern: MACHINE_PATH },
  { what: 'a tool that wrote it', pattern: WRITING_TOOL },
  { what: 'the kind of such a tool', pattern: /\b(AI|LLMs?)\b/ },
  {
    what: 'a number of an issue',
    pattern: /\b([Ii]ssue|[Tt]icket|[Pp]ull request|PR|[Ff]ixe[ds]|[Cc]loses?) #\d+/,
  },
  { what: 'work left over', pattern: /\b(TODO|FIXME|XXX|HACK)\b/ },
]

/** This file names what it forbids, and hashes in the lock may spell anything. */
const EXEMPT = new Set(['test/tidy/words.test.ts', 'package-lock.json', 'LICENSE'])

it.each(FORBIDDEN)('mentions nowhere $what', ({ pattern }) => {
  const found = repositoryFiles()
    .filter((file) => !EXEMPT.has(file) && !/\.(png|ico|woff2|gz)$/.test(file))
    .flatMap((file) => linesWith(textOf(file), pattern).map((line) => `${file}:${line}`))
  expect(found).toEqual([])
})

it.each(FORBIDDEN)('mentions in no commit message $what', ({ pattern }) => {
  expect(commitMessages().flatMap((message) => linesWith(message, pattern))).toEqual([])
})

function linesWith(text: string, pattern: RegExp): string[] {
  return text
    .split('\n')
    .flatMap((line, index) => (pattern.test(line) ? [`${index + 1}: ${line.trim()}`] : []))
}
