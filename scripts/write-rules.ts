import { writeFileSync } from 'node:fs'
import { RULES_FOLDER, ruleFiles } from '../prometheus/src/rules.ts'
import { TESTS_FOLDER, testFiles } from '../prometheus/src/tests.ts'
import { VALUES } from '../prometheus/src/values.ts'

/** Writes prometheus/rules and prometheus/tests out of prometheus/src. */
for (const [name, text] of await ruleFiles(VALUES)) writeFileSync(`${RULES_FOLDER}/${name}`, text)
for (const [name, text] of await testFiles(VALUES.runbooks)) writeFileSync(`${TESTS_FOLDER}/${name}`, text)
