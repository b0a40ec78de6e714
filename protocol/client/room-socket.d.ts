import type { Open } from '@caravan-chat/client';

/** As `socket` of `new Caravan`: a WebSocket for each room, at the room's own address, in place of one for all. `open` opens them. */
export function roomSockets(open?: Open): Open;
