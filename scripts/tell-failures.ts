import { inspect, stripVTControlCharacters } from 'node:util'
import type { Reporter } from 'vitest/node'

/** Says at once why a test has failed: a long run may be cut off before its end, where the runner tells it. */
export const tellFailures: Reporter = {
  onTestCaseResult(test) {
    const { state, errors = [] } = test.result()
    if (state !== 'failed') return
    console.log(`FAILED ${test.module.relativeModuleId} > ${test.fullName}`)
    for (const { message, diff = '', cause, stacks = [] } of errors) {
      console.log(`${message}\n${stripVTControlCharacters(diff)}`)
      if (cause !== undefined) console.log(inspect(cause, { depth: 3 }))
      for (const { file, line, column } of stacks) console.log(`    at ${file}:${line}:${column}`)
    }
  },
}
