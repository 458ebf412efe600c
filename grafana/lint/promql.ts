import type { SyntaxNode } from '@lezer/common'
import { parser } from '@prometheus-io/lezer-promql'

/** One mention of a metric. */
export interface Selector {
  readonly metric: string
  readonly matchers: ReadonlyMap<string, Matcher>
  /** As it is written, such as `5m` or `$__rate_interval`; null for an instant. */
  readonly range: string | null
  /** The functions and aggregations around it, the innermost first. */
  readonly inside: readonly Around[]
}

export interface Matcher {
  readonly operator: string
  readonly value: string
}

export interface Around {
  readonly name: string
  /** Of an aggregation: the labels that it keeps by `by`. */
  readonly by: readonly string[]
}

/** Stands for the range that Grafana puts in; no other range of ours is written like it. */
const RATE_INTERVAL = '4242s'

export interface Parsed {
  readonly isValid: boolean
  readonly selectors: readonly Selector[]
}

/** An expression of Grafana or Prometheus. Variables are replaced by something of their kind. */
export function parsePromql(expr: string): Parsed {
  const text = expr
    .replaceAll('$__rate_interval', RATE_INTERVAL)
    .replaceAll('$__interval', '1m')
    .replaceAll('$__range', '1h')
  const tree = parser.parse(text)
  const found: Selector[] = []
  let isValid = text.trim() !== ''
  tree.iterate({
    enter(ref) {
      if (ref.type.isError) isValid = false
      if (ref.name === 'VectorSelector') found.push(selectorOf(ref.node, text))
    },
  })
  return { isValid, selectors: found }
}

function selectorOf(node: SyntaxNode, text: string): Selector {
  const matchers = new Map(
    childrenOf(node.getChild('LabelMatchers'), 'UnquotedLabelMatcher').map((matcher) => [
      textOf(matcher.getChild('LabelName'), text),
      {
        operator: textOf(matcher.getChild('MatchOp'), text),
        value: textOf(matcher.getChild('StringLiteral'), text).slice(1, -1),
      },
    ]),
  )
  const metric = textOf(node.getChild('Identifier'), text) || (matchers.get('__name__')?.value ?? '')
  return { metric, matchers, range: rangeOf(node, text), inside: aroundOf(node, text) }
}

function rangeOf(node: SyntaxNode, text: string): string | null {
  const matrix = node.parent
  if (matrix?.name !== 'MatrixSelector') return null
  const range = /\[(.*)\]/.exec(text.slice(node.to, matrix.to))?.[1] ?? ''
  return range === RATE_INTERVAL ? '$__rate_interval' : range
}

function aroundOf(node: SyntaxNode, text: string): readonly Around[] {
  const around: Around[] = []
  for (let at = node.parent; at !== null; at = at.parent) {
    if (at.name === 'FunctionCall')
      around.push({ name: textOf(at.getChild('FunctionIdentifier'), text), by: [] })
    if (at.name === 'AggregateExpr')
      around.push({ name: textOf(at.getChild('AggregateOp'), text), by: keptBy(at, text) })
  }
  return around
}

function keptBy(aggregation: SyntaxNode, text: string): readonly string[] {
  const modifier = aggregation.getChild('AggregateModifier')
  const labels = childrenOf(modifier?.getChild('GroupingLabels') ?? null, 'LabelName')
  return labels.map((label) => textOf(label, text))
}

function childrenOf(node: SyntaxNode | null, name: string): readonly SyntaxNode[] {
  return node?.getChildren(name) ?? []
}

function textOf(node: Pick<SyntaxNode, 'from' | 'to'> | null, text: string): string {
  return node === null ? '' : text.slice(node.from, node.to)
}
