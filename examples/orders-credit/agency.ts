import { PermanentError } from 'waybill'

/** Of so many questions one has no answer the first time, and one never has. */
const LATE_EACH = 50
const LATE_AT = 15
const HOPELESS_EACH = 500
const HOPELESS_AT = 100

/** Somebody whom the credit service asks about a customer, and who is not always there. */
export function createAgency(): (customer: string) => void {
  let asked = 0
  return (customer) => {
    asked += 1
    if (asked % HOPELESS_EACH === HOPELESS_AT) throw new PermanentError(`The agency has barred ${customer}.`)
    if (asked % LATE_EACH === LATE_AT) throw new Error('The agency does not answer.')
  }
}
