/** A user as messages name them. */
export interface User {
  id: string;
  email: string;
  username: string;
  full_name: string;
}

export interface Attachment {
  id: string;
  name: string;
  mime: string;
  size: number;
  url: string;
  expires_at: string;
  width?: number;
  height?: number;
  preview_url?: string;
}

/** A message as the protocol tells it. Never change one: it is shared. */
export interface Message {
  id: string;
  chat_room_id: string;
  sender: User;
  content: string;
  message_type: string;
  reply_to: { id: string; content: string; sender_email: string } | null;
  is_edited: boolean;
  created_at: string;
  updated_at: string;
  /** The event that made it; messages are shown in this order. */
  seq: number;
  /** The event that last changed it. */
  rev: number;
  client_id?: string;
  deleted_at?: string;
  deleted_by?: 'sender' | 'moderator' | 'erased';
  pinned_at?: string;
  pinned_by?: string;
  reactions?: { emoji: string; count: number; by?: string[] }[];
  reply_count?: number;
  mentions?: string[];
  mentions_all?: boolean;
  attachments?: Attachment[];
  caption?: string;
  data?: Record<string, unknown>;
  my_reactions?: string[];
}

/** Where what is pending is kept over a reload. localStorage is one: `{ get: (k) => localStorage.getItem(k), set: (k, v) => localStorage.setItem(k, v) }`. */
export interface Store {
  get(key: string): string | null | undefined | Promise<string | null | undefined>;
  set(key: string, value: string): unknown;
}

/** What Caravan needs of a WebSocket. Those of browsers and of Node.js are such, and what `./fallback` and `./room-socket` give. */
export interface Socket {
  onopen: ((event: any) => void) | null;
  onmessage: ((event: any) => void) | null;
  onclose: ((event: any) => void) | null;
  send(text: string): void;
  close(): void;
}

/** Opens a socket. It may throw. */
export type Open<S extends Socket = Socket> = (url: string, protocols: string[]) => S;

export interface Options {
  /** Of the server, like https://chat.example.com. The page's own where it is left out. */
  url?: string;
  /** Gives an access token. With `fresh` the last one was refused or ends soon: get a new one. Where it rejects, or takes more than a minute, it is asked again later. */
  token: (fresh: boolean) => Promise<string>;
  store?: Store;
  /** The id of the user who is signed in. With it the store can be read and written before there is a token, so that nothing is lost without a network. */
  user?: string;
  /** Messages that are held of a room, the newest; 1000. What `older` loads is beside them, up to ten times as many. */
  keep?: number;
  /** Opens the connection; `(url, protocols) => new WebSocket(url, protocols)` where it is left out. See `./fallback` and `./room-socket`. */
  socket?: Open;
}

/**
 * `fallback`: connected, but not by a WebSocket. `waiting`: until `retryAt` (ms), because of a close `code`, or of what `token`
 * rejected with.
 */
export type ConnectionState =
  | { phase: 'connecting' | 'live' | 'fallback' | 'closed' }
  | { phase: 'waiting'; retryAt: number; code?: number; error?: unknown };

/** `left`: the user may not read the room; ask `caravan.room` for it again where that may have changed. */
export interface RoomState {
  phase: 'joining' | 'live' | 'waiting' | 'left' | 'closed';
  code?: number;
}

/**
 * Why something was not done: a code of the protocol's, or one of the library's own. `unreachable`: no answer. `closed`: by
 * `close`. `timeout`: no token came. `wrong_user`: the token is another user's. `outbox_full`: 500 entries wait. `outdated`: the message was edited elsewhere after this edit was written.
 */
export class CaravanError extends Error {
  code: string;
  /** Of HTTP. */
  status?: number;
  clientId?: string;
}

/** What is written and not acknowledged. */
export interface Entry {
  clientId: string;
  frame: { type: string; content?: string; message_id?: string; emoji?: string; on?: boolean; [field: string]: unknown };
  createdAt: string;
  status: 'pending' | 'failed';
  code?: string;
  error?: string;
}

export interface Problem {
  code: string;
  message?: string;
}

/**
 * Settles when the server has answered. Who does not wait for it hears of a refusal by the entry in the outbox. Without
 * a `clientId` (undefined, then) there is none: the promise is rejected, by `forbidden`, `closed`, `outbox_full` or `not_found`, and the text is still the caller's.
 */
export type Sent<T> = Promise<T> & { clientId: string };

export interface SendOptions {
  replyTo?: string;
  mentions?: string[];
  mentionsAll?: boolean;
  /** Ids of files that are uploaded. */
  attachments?: string[];
  data?: Record<string, unknown>;
}

/** A user's connection and their rooms. It connects when it is made, and stays connected until `close`. */
export class Caravan {
  constructor(options: Options);
  readonly state: ConnectionState;
  /** The user's id, as the options or the first token say. */
  readonly user?: string;
  /**
   * The room of a trip, by the trip's id or its own; followed until it is closed. `light`: only its last message is asked
   * for, and 50 are held, until it is called without.
   */
  room(trip: string, light?: boolean): Room;
  /** Calls REST, with a path below /api/v1/chat/. */
  rest(method: string, path: string, body?: unknown): Promise<any>;
  close(): void;
  /** Returns what ends it. */
  on(event: 'state', fn: (state: ConnectionState) => void): () => void;
  on(event: 'problem', fn: (problem: Problem) => void): () => void;
}

export class Room {
  /** As it was asked for. */
  readonly id: string;
  readonly state: RoomState;
  /** What is held, in the order of the room. Another array after each change. */
  readonly messages: readonly Message[];
  /** Whether the room's first message is held. */
  readonly complete: boolean;
  /** The number up to which everything is here. */
  readonly seq: number;
  /** What is written and not acknowledged. Another array after each change. */
  readonly outbox: readonly Entry[];
  readonly role: string;
  /** Null: not known. */
  readonly permissions: readonly string[] | null;
  /** How far the user has read, on any device. */
  readonly readSeq: number;
  /** Seconds between two messages of a user; 0: none. */
  readonly slowMode: number;

  /** Sends a message, now or as soon as possible. */
  send(content: string, options?: SendOptions): Sent<Message>;
  edit(messageId: string, content: string): Sent<void>;
  remove(messageId: string): Sent<void>;
  react(messageId: string, emoji: string, on: boolean): Sent<void>;
  pin(messageId: string, on: boolean): Sent<void>;
  /** Sends what was refused once more. */
  retry(clientId: string): Sent<Message | void>;
  /** Takes an entry out of the outbox. What is under way may still arrive. */
  discard(clientId: string): void;
  /** The user has read up to a number; all that is here where it is left out. */
  read(seq?: number): void;
  /** The user begins to type, or ends. */
  typing(on: boolean): void;
  /** What the room is to tell beside its events: `presence` and `reads`, which `./people` keeps. */
  watch(what: { presence?: boolean; reads?: boolean }): void;
  /** Loads the page before the oldest message. Empty where there is none, or no more may be held. */
  older(): Promise<Message[]>;
  /** Forgets what `older` has loaded. */
  trim(): void;
  /** Ends it. What is pending stays in the store. */
  close(): void;

  /**
   * With `reset` draw everything anew: some messages may be gone. `page`: what `older` has loaded. `changed` has all that is new or changed, also where more came at
   * once than are held: draw `messages`.
   */
  on(event: 'messages', fn: (news: { changed: Message[]; reset: boolean; page?: boolean }) => void): () => void;
  on(event: 'state', fn: (state: RoomState) => void): () => void;
  on(event: 'outbox' | 'room', fn: () => void): () => void;
  /** `role`, `permissions` or `readSeq` may have changed. */
  on(event: 'own', fn: (frame: { reactions?: Record<string, string[]> }) => void): () => void;
  /** An entry of the outbox is stored. */
  on(event: 'stored', fn: (entry: Entry) => void): () => void;
  /** Frames of the protocol, as they come. `./people` keeps what they say. */
  on(event: 'typing', fn: (frame: { user_id: string; user_email: string; is_typing: boolean }) => void): () => void;
  on(event: 'reads', fn: (frame: { reads: { user_id: string; seq: number }[] }) => void): () => void;
  on(
    event: 'presence',
    fn: (frame: { online: number; full?: boolean; users?: string[]; joined?: string[]; left?: string[]; partial?: boolean }) => void,
  ): () => void;
  on(event: 'problem', fn: (problem: Problem) => void): () => void;
}
