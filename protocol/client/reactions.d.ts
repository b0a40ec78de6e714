import type { Caravan, Room } from '@caravan-chat/client';

/** Which emoji the user has chosen. Make it when the room is made: it learns from what the room tells. */
export class Reactions {
  constructor(caravan: Caravan, room: Room);
  /** The emoji, without U+FE0F, that the user has chosen for a message, those that are not stored yet among them. */
  chosen(messageId: string): Set<string>;
  /** Listens no longer. */
  close(): void;
  /** A choice may have changed. Changes of messages tell of others. Returns what ends it. */
  on(event: 'reactions', fn: () => void): () => void;
}
