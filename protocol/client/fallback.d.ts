import type { Open, Socket } from '@caravan-chat/client';

/**
 * For networks that block WebSockets, as `socket` of `new Caravan`: WebSockets, and after two attempts that brought no frame
 * REST and long polls, until a WebSocket goes through again. `open` opens WebSockets.
 */
export function orLongPoll(open?: Open<Socket & Pick<EventTarget, 'addEventListener'>>): Open;
