import type { Room } from '@caravan-chat/client';

/** Who is in a room, how far they have read, and who types. The first two are told after `room.watch`. */
export class People {
  constructor(room: Room);
  /** `users` null: too many to be named, or not known. `partial`: only what one server knows. */
  readonly presence: { online: number | null; users: ReadonlySet<string> | null; partial: boolean };
  /** How far each user has read. */
  readonly reads: ReadonlyMap<string, number>;
  /** Who types, by user. */
  readonly typers: ReadonlyMap<string, { email: string }>;
  /** Listens no longer. */
  close(): void;
  /** Returns what ends it. */
  on(event: 'presence', fn: (presence: People['presence']) => void): () => void;
  on(event: 'reads', fn: (reads: People['reads']) => void): () => void;
  on(event: 'typing', fn: (typers: People['typers']) => void): () => void;
}
