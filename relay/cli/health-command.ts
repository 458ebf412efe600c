import { systemClock } from '../../src/ports.ts'
import { HEALTH_PATHS } from '../compose.ts'
import type { ListenAddress } from '../config/parse.ts'
import { sentenceOf } from '../logging/describe-error.ts'
import type { Command, CommandCall } from './command.ts'
import { EXIT, type ExitCode } from './exit-codes.ts'

/** `waybill health`, for container engines: the image has no other program that could ask. */
export const healthCommand: Command = {
  name: 'health',
  summary: 'Asks the relay of this machine whether it is ready.',
  options: { live: { type: 'boolean' } },
  optionHelp: [['--live', 'Asks whether it is alive instead.']],
  notes:
    'Asks at WAYBILL_HEALTH_LISTEN. Exit code 0: yes. 1: no, and the output says why. 4: nobody answers.',
  use: () => 'nothing',
  async run({ flags, config, io }: CommandCall): Promise<ExitCode> {
    const path = flags['live'] === true ? HEALTH_PATHS.live : HEALTH_PATHS.ready
    const url = healthUrl(config.values.WAYBILL_HEALTH_LISTEN, path)
    try {
      const { status, text } = await ask(url)
      io.stdout(text)
      return status === 200 ? EXIT.ok : EXIT.failed
    } catch (error) {
      const reason = error instanceof Error && error.cause !== undefined ? error.cause : error
      io.stderr(`waybill: No relay answers at ${url}: ${sentenceOf(reason)}\n`)
      return EXIT.unavailable
    }
  },
}

const LIMIT_MS = 5000

async function ask(url: string): Promise<{ readonly status: number; readonly text: string }> {
  const abort = new AbortController()
  const cancel = systemClock.after(LIMIT_MS, () => {
    abort.abort()
  })
  try {
    const response = await fetch(url, { signal: abort.signal })
    return { status: response.status, text: await response.text() }
  } finally {
    cancel()
  }
}

/** An address that stands for all of the machine is asked at its loopback. */
function healthUrl({ host, port }: ListenAddress, path: string): string {
  const asked = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host
  return `http://${asked.includes(':') ? `[${asked}]` : asked}:${port}${path}`
}
