/** One error as fields for a log line; its cause is described when the line is made. */
export function describeError(error: Error): Readonly<Record<string, unknown>> {
  const code: unknown = 'code' in error ? error.code : undefined
  return {
    type: error.name,
    message: sentenceOf(error),
    ...(code === undefined ? {} : { code }),
    stack: error.stack,
    ...(error.cause === undefined ? {} : { cause: error.cause }),
  }
}

/**
 * What an error says, in one line. Node gives the error of a name with several addresses, such as `localhost`,
 * an empty text and puts what happened at each address into `errors`.
 */
export function sentenceOf(error: unknown): string {
  if (!(error instanceof Error)) return oneLine(String(error))
  if (error instanceof AggregateError && error.message === '') {
    return [...new Set(error.errors.map(sentenceOf))].join('; ')
  }
  return error.message === '' ? error.name : oneLine(error.message)
}

function oneLine(text: string): string {
  return text.replaceAll(/\s*\n\s*/g, ' ').trim()
}
