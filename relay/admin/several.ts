import type { Admin, AdminHandler } from './admin.ts'
import { listen, type AdminServer, type ListenAddress } from './listen.ts'
import { PROBLEM_JSON } from './problems/problem.ts'
import { PROBLEMS } from './problems/codes.ts'
import { SECURITY_HEADERS } from './security-headers.ts'

/** Serves the APIs of several outboxes, each below a path of its own, such as `/outboxes/orders.waybill`. */
export function listenFor(admins: ReadonlyMap<string, Admin>, address: ListenAddress): Promise<AdminServer> {
  return listen(handlerFor(admins), address)
}

function handlerFor(admins: ReadonlyMap<string, Admin>): AdminHandler {
  return (request, response) => {
    const { url = '' } = request
    for (const [path, admin] of admins) {
      if (!url.startsWith(`${path}/`)) continue
      request.url = url.slice(path.length)
      admin.handler(request, response)
      return
    }
    const { status, title } = PROBLEMS.not_found
    const body = {
      type: 'urn:waybill:problem:not_found',
      title,
      status,
      detail: 'There is no such outbox.',
      code: 'not_found',
    }
    response
      .writeHead(status, { ...SECURITY_HEADERS, 'content-type': PROBLEM_JSON })
      .end(JSON.stringify(body))
  }
}
