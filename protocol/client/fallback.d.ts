import type { FallbackOptions } from '@caravan-chat/client';

/** Looks to Caravan like a WebSocket, and does what its frames ask for by REST and long polls. Give it as `fallback`. */
export class LongPoll {
  constructor(options: FallbackOptions);
}
