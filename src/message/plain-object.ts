/**
 * Whether `value` is an object as a literal makes it, or one without a prototype. Other realms, such as those of test
 * runners, have an `Object.prototype` of their own, which is told by what it owns.
 */
export function isPlainObject(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype === null || prototype === Object.prototype) return true
  return Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype as object, 'isPrototypeOf')
}
