import type { Attachment, Caravan, CaravanError, Message, Room } from '@caravan-chat/client';

export interface UploadOptions {
  /** The file's own where it is left out. */
  name?: string;
  /** A smaller image, or what makes one; null: none. Where it is left out a browser makes one of a photo. */
  preview?: Blob | null | (() => Promise<Blob | null>);
}

export class Attachments {
  constructor(caravan: Caravan);
  /** Begins to upload a file to a room. A message takes it by `attachments: [(await upload.done).id]`. */
  upload(room: Room | string, file: Blob, options?: UploadOptions): Upload;
  /** A link to an attachment of a message that works for a minute at least, for whoever has it. Do not keep it. */
  link(message: Message, attachment: Attachment, options?: { preview?: boolean }): Promise<string>;
  /** The bytes, by the user's token. */
  download(attachment: Attachment): Promise<Blob>;
}

/** A file on its way. */
export interface Upload {
  readonly name: string;
  readonly size: number;
  readonly state: 'uploading' | 'done' | 'failed' | 'cancelled';
  /** From 0 to 1. Without XMLHttpRequest, as in Node.js, 1 is told at the end alone. */
  readonly progress: number;
  readonly attachment?: Attachment;
  /** Codes of the protocol's, `unreachable` or `cancelled`. */
  readonly error?: CaravanError;
  /** Rejects with `error`. Who does not look at it hears by `state`. */
  readonly done: Promise<Attachment>;
  cancel(): void;
  /** Tries again what has failed; a file that is stored is not sent again. */
  retry(): Promise<Attachment>;
  /** Returns what ends it. */
  on(event: 'progress', fn: (progress: number) => void): () => void;
  on(event: 'state', fn: (state: Upload['state']) => void): () => void;
}

/** A JPEG of at most 100 KiB, made of a photo; null where it is none or this is no browser. */
export function previewOf(file: Blob): Promise<Blob | null>;
/** A name that the server takes. */
export function nameOf(name: string): string;
