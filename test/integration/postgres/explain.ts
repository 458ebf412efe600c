import type pg from 'pg'

/** What EXPLAIN ANALYZE says about a statement that was run. */
export interface Plan {
  readonly nodes: readonly PlanNode[]
  /** Whether the statement was priced so high that it was compiled. */
  readonly compiled: boolean
  /** Pages that were touched. */
  readonly pages: number
}

const OUTBOX_LEAF = /^outbox_\d/

interface PlanNode {
  readonly kind: string
  readonly relation: string | null
  readonly rows: number
  readonly loops: number
  readonly pages: number
}

export async function explain(
  client: pg.Pool | pg.ClientBase,
  statement: string,
  values: readonly unknown[],
): Promise<Plan> {
  const result = await client.query<{ 'QUERY PLAN': [RawPlan] }>(
    `explain (analyze, buffers, format json) ${statement}`,
    [...values],
  )
  const raw = result.rows[0]?.['QUERY PLAN'][0]
  if (raw === undefined) throw new Error('EXPLAIN said nothing.')
  const top = raw.Plan
  return {
    nodes: flatten(top),
    compiled: raw.JIT !== undefined,
    pages: pagesOf(top),
  }
}

/** The scans of tables that read anything; by default of the leaves of the outbox. */
export function scansOf(plan: Plan, relation: RegExp = OUTBOX_LEAF): PlanNode[] {
  return plan.nodes.filter(({ kind, relation: name, pages }) => {
    return kind.includes('Scan') && name !== null && relation.test(name) && pages > 0
  })
}

interface RawPlan {
  readonly Plan: RawNode
  readonly JIT?: unknown
}

interface RawNode {
  readonly 'Node Type': string
  readonly 'Relation Name'?: string
  readonly 'Actual Rows': number
  readonly 'Actual Loops': number
  readonly 'Shared Hit Blocks': number
  readonly 'Shared Read Blocks': number
  readonly Plans?: readonly RawNode[]
}

function flatten(node: RawNode): PlanNode[] {
  const own: PlanNode = {
    kind: node['Node Type'],
    relation: node['Relation Name'] ?? null,
    rows: node['Actual Rows'],
    loops: node['Actual Loops'],
    pages: pagesOf(node),
  }
  return [own, ...(node.Plans ?? []).flatMap(flatten)]
}

function pagesOf(node: RawNode): number {
  return node['Shared Hit Blocks'] + node['Shared Read Blocks']
}
