import { describe, expect, it } from 'vitest'
import { createRedact } from '../../../relay/config/secrets.ts'
import { createLogger, type LogFormat, type LogLevel } from '../../../relay/logging/logger.ts'
import { sentenceOf } from '../../../relay/logging/describe-error.ts'

function setup({ level = 'debug', format = 'json' }: { level?: LogLevel; format?: LogFormat } = {}) {
  const lines: string[] = []
  const logger = createLogger({
    level,
    format,
    clock: { now: () => Date.UTC(2026, 0, 2, 3, 4, 5, 6) },
    redact: createRedact(['postgres://u:s3cret-word@h/d']),
    write: (line) => lines.push(line),
  })
  return {
    logger,
    lines,
    json: (): Record<string, unknown> => JSON.parse(lines[0]!) as Record<string, unknown>,
  }
}

describe('the logger of the process', () => {
  it('writes one JSON object a line with time, level and text', () => {
    const { logger, lines, json } = setup()
    logger.info({ lanes: [1, 2] }, 'Lanes\nclaimed.')
    expect(lines[0]).toMatch(/^[^\n]*\n$/)
    expect(json()).toEqual({
      time: '2026-01-02T03:04:05.006Z',
      level: 'info',
      msg: 'Lanes\nclaimed.',
      lanes: [1, 2],
    })
  })

  it.each(['json', 'text'] as const)('lets nothing in a message look like another line, as %s', (format) => {
    const { logger, lines } = setup({ format })
    const hostile = 'a\r\n{"level":"error"}\u001b[2J\u009b2J\u0085b\u2028c\u202Ed level=error\u007f'
    logger.info({ messageId: hostile, nested: { type: hostile } }, 'Handled.')
    expect(lines).toHaveLength(1)
    expect(lines[0]).toMatch(/^[\x20-\x7e]*\n$/)
    const [quoted = ''] = /"a\\r\\n(?:[^"\\]|\\.)*"/.exec(lines[0] ?? '') ?? []
    expect(JSON.parse(quoted)).toBe(hostile)
  })

  it('writes one line for people in text format', () => {
    const { logger, lines } = setup({ format: 'text' })
    logger.warn({ exchange: 'orders.events', reason: 'not found' }, 'A gate\n closed.')
    expect(lines).toEqual([
      '2026-01-02T03:04:05.006Z WARN  A gate closed. exchange=orders.events reason="not found"\n',
    ])
  })

  it.each<[LogLevel, number]>([
    ['debug', 4],
    ['info', 3],
    ['warn', 2],
    ['error', 1],
    ['silent', 0],
  ])('at level %s writes %i of the four levels', (level, count) => {
    const { logger, lines } = setup({ level })
    for (const name of ['debug', 'info', 'warn', 'error'] as const) logger[name]({}, 'x')
    expect(lines).toHaveLength(count)
  })

  it('shows errors with code and cause, and hides passwords in them', () => {
    const { logger, lines, json } = setup()
    const cause = Object.assign(new Error('s3cret-word refused'), { code: '28P01' })
    logger.error({ error: new Error('No connection.', { cause }) }, 'Lost.')
    expect(json()['error']).toMatchObject({
      message: 'No connection.',
      cause: { code: '28P01', message: '*** refused' },
    })
    expect(lines[0]).not.toContain('s3cret-word')
  })

  it('never throws, whatever it is given', () => {
    const circle: Record<string, unknown> = {
      big: 10n,
      bytes: Buffer.from('secret payload'),
      nothing: undefined,
    }
    circle['self'] = circle
    const endless = new Error('endless')
    endless.cause = endless
    const hostile = {
      toJSON: () => {
        throw new Error('no')
      },
    }
    const { logger, lines } = setup()
    for (const field of [circle, endless, hostile, Symbol('s'), () => 1, undefined])
      logger.info({ field }, 'x')
    expect(lines).toHaveLength(6)
    for (const line of lines) expect(() => JSON.parse(line) as unknown).not.toThrow()
    expect(lines[0]).toContain('"big":"10"')
    expect(lines[0]).toContain('(14 bytes)')
  })

  it('keeps twins apart from circles', () => {
    const twin = { a: 1 }
    const { logger, json } = setup()
    logger.info({ left: twin, right: twin }, 'x')
    expect(json()).toMatchObject({ left: { a: 1 }, right: { a: 1 } })
  })

  it('finds the words of an error that Node leaves empty', () => {
    const both = new AggregateError([
      new Error('connect ECONNREFUSED ::1:5'),
      new Error('connect ECONNREFUSED 127.0.0.1:5'),
    ])
    expect(sentenceOf(both)).toBe('connect ECONNREFUSED ::1:5; connect ECONNREFUSED 127.0.0.1:5')
  })
})
