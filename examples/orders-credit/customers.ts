import type { ClientBase, Pool } from 'pg'

export const CUSTOMERS = 10
/** The older system had no limit for this one. */
export const WITHOUT_LIMIT = 2
export const CREDIT_LIMIT = 1_200

export const customerName = (number: number): string => `customer-${String(number)}`

/** Takes the accounts over from the older system. */
export async function openAccounts(
  on: Pool | ClientBase,
  schema: string,
  limitOf: (customer: number) => number = () => CREDIT_LIMIT,
): Promise<void> {
  for (let customer = 1; customer <= CUSTOMERS; customer += 1) {
    await on.query(`insert into ${schema}.account values ($1, $2)`, [
      customerName(customer),
      customer === WITHOUT_LIMIT ? null : limitOf(customer),
    ])
  }
}
