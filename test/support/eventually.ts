export { eventually } from '../../testing/index.ts'
