import { route, type Route } from '../route.ts'
import { CONVERSATION_PARAMS, MESSAGE_PARAMS } from '../schemas/params.ts'
import { CONVERSATION, MESSAGE } from '../schemas/views.ts'

export const MESSAGE_ROUTES: readonly Route[] = [
  route({
    method: 'GET',
    path: '/messages/{message_id}',
    operation: 'messages.show',
    summary: 'Where a message is',
    description: 'As far as something of it is still stored; `places` is empty when nothing is.',
    tag: 'Messages',
    needs: 'reader',
    params: MESSAGE_PARAMS,
    answers: { 200: { description: 'Its places.', schema: MESSAGE } },
    run: async ({ operations, params }) => ({ body: await operations.messages.byId(params.messageId) }),
  }),
  route({
    method: 'GET',
    path: '/conversations/{correlation_id}',
    operation: 'conversations.show',
    summary: 'The messages of a conversation',
    description: 'The oldest first; 1000 at most.',
    tag: 'Messages',
    needs: 'reader',
    params: CONVERSATION_PARAMS,
    answers: { 200: { description: 'Its messages.', schema: CONVERSATION } },
    run: async ({ operations, params }) => ({
      body: await operations.messages.conversation(params.correlationId),
    }),
  }),
]
