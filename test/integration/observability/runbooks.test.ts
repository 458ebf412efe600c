import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { commandsOf, fencesOf, runbooks } from '../../tidy/runbook-pages.ts'
import { runHere } from '../cli/run-waybill.ts'

let database: TestDatabase

beforeAll(async () => {
  database = await createTestDatabase({ schema: 'waybill' })
})

afterAll(() => database[Symbol.asyncDispose]())

/** What stands for something of the reader's. */
const OWN: Readonly<Record<string, string>> = {
  '<host>': 'relay-1',
  '<role>': 'postgres',
  '<old>': 'billing',
  '<new>': 'invoicing',
  '<consumer>': 'billing',
  '<queue>': 'billing',
  '<exchange>': 'orders.events',
  '<fingerprint>': '0f3a5c7e9b1d2468',
}
const filled = (word: string): string =>
  word.replace(/-<id>$/, '-1').replace(/^<[\w]+>$/, (own) => OWN[own] ?? own)

/** Done; some things want attention; nothing there to act on. And the doctor's 1: an error that it has found. */
const ANSWERED = [0, 5, 6]

describe('the runbook', () => {
  it.each(runbooks())('of $alert has SQL that the schema understands', async (page) => {
    for (const code of fencesOf(page, 'sql')) {
      await expect(database.pool.query(code), code).resolves.toBeDefined()
    }
  })

  it.each(runbooks())('of $alert names commands that are understood as they are', async (page) => {
    for (const words of commandsOf(page)) {
      // It asks the relay of this machine, which may be another one's.
      if (words[0] === 'health' || words.length === 1) continue
      const { code, stderr } = await runHere(words.map(filled), { WAYBILL_DATABASE_URL: database.url })
      const answers = words[0] === 'doctor' ? [...ANSWERED, 1] : ANSWERED
      expect(answers, `waybill ${words.join(' ')}: ${stderr}`).toContain(code)
    }
  })
})
