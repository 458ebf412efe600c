export { eventually } from '../../testing/contracts/eventually.ts'
