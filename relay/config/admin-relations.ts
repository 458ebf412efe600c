import { isLoopback } from '../admin/auth/open.ts'
import type { ConfigProblem } from './problem.ts'
import type { AdminValues } from './admin-variables.ts'

/** Whether tokens of an issuer are taken. */
export function takesJwt(values: AdminValues): boolean {
  return values.WAYBILL_ADMIN_JWT_ISSUER !== null
}

/** An admin API is served to nobody by mistake, and to everybody on purpose and on this machine only. */
export function adminProblems(values: AdminValues): ConfigProblem[] {
  const { WAYBILL_ADMIN_LISTEN: listen, WAYBILL_ADMIN_TOKENS: tokens, WAYBILL_ADMIN_AUTH: auth } = values
  const jwt = ['ISSUER', 'AUDIENCE', 'JWKS_URL'].map(
    (name) => `WAYBILL_ADMIN_JWT_${name}` as keyof AdminValues,
  )
  const missing = jwt.filter((name) => values[name] === null)
  const problems: ConfigProblem[] = []
  if (missing.length > 0 && missing.length < jwt.length) {
    const remedy = `Set ${missing.join(' and ')} too: the three belong together.`
    problems.push(problem(jwt.find((name) => values[name] !== null) ?? '', 'is not enough', remedy))
  }
  const isOpen = auth === 'none'
  const letsSomebodyIn = tokens !== null || takesJwt(values)
  if (listen !== null && !isOpen && !letsSomebodyIn) {
    const remedy =
      'Set WAYBILL_ADMIN_TOKENS or WAYBILL_ADMIN_JWT_ISSUER; to try it out on this machine, WAYBILL_ADMIN_AUTH=none.'
    problems.push(problem('WAYBILL_ADMIN_LISTEN', 'is set, and nobody could be let in', remedy))
  }
  if (isOpen && letsSomebodyIn) {
    problems.push(
      problem('WAYBILL_ADMIN_AUTH', 'is none although there are tokens', 'Leave it out, or the tokens.'),
    )
  }
  if (isOpen && listen !== null && !isLoopback(listen.host)) {
    const remedy = 'Listen on 127.0.0.1, or set WAYBILL_ADMIN_TOKENS and leave WAYBILL_ADMIN_AUTH out.'
    problems.push(problem('WAYBILL_ADMIN_AUTH', 'is none on an address that others reach', remedy))
  }
  return problems
}

function problem(variable: string, what: string, remedy: string): ConfigProblem {
  return { variable, value: null, problem: what, wanted: null, remedy }
}
