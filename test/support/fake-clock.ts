export { fakeClock as createFakeClock } from '../../testing/index.ts'
