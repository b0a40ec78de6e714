import type { Caravan, Message, Problem } from '@caravan-chat/client';

export interface ListedRoom {
  id: string;
  tripId: string;
  title: string;
  /** Of the user in the trip. */
  role: string;
  /** How many users are there, where the server knows it. */
  online?: number;
  /** Null: the room is empty. */
  lastMessage: Message | null;
  /** How far the user has read. */
  readSeq: number;
  /** Messages of others after it, and those of them that mention the user; 100 means 100 or more. */
  unread: number;
  mentions: number;
}

/** All rooms of the user. It follows the 100 with the latest messages, and asks for the list at times, so that trips come and go. */
export class Rooms {
  constructor(caravan: Caravan);
  /** The one with the latest message in front. Another array after each change. */
  readonly list: readonly ListedRoom[];
  /** Whether the list was read once. */
  readonly loaded: boolean;
  /** Messages that are unread, in all rooms. */
  readonly unread: number;
  /** Asks for the whole list now. */
  refresh(): Promise<void>;
  /** Ends it. The rooms are followed until they are closed. */
  close(): void;
  /** Returns what ends it. */
  on(event: 'rooms', fn: (list: Rooms['list']) => void): () => void;
  on(event: 'problem', fn: (problem: Problem) => void): () => void;
}
