/**
 * The object with some of its members replaced, whatever it is made of: an instance of a class keeps its methods, which go on
 * calling one another and not the replacements.
 */
export function overlay<Whole extends object>(whole: Whole, changes: Partial<Whole>): Whole {
  // A copy, as what a proxy says of a frozen object must not differ from it.
  return new Proxy(
    { ...whole },
    {
      get: (_copy, name) => (Object.hasOwn(changes, name) ? Reflect.get(changes, name) : member(whole, name)),
      has: (_copy, name) => name in whole,
    },
  )
}

/** Bound, so that a method finds its own object. */
export function member(whole: object, name: PropertyKey): unknown {
  const value: unknown = Reflect.get(whole, name)
  return typeof value === 'function' ? (value.bind(whole) as unknown) : value
}
