/**
 * How long a test waits for one fact, in milliseconds, unless it is about much or about time: what comes, comes within it
 * on the slowest machine too, and a fast one loses nothing by it. A whole test may take twice as long.
 */
export const PATIENCE_MS = 150_000
