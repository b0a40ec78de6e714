// What is written and not sent, kept over a reload and a change of room.

const draftsMax = 100; // of all users and rooms of this browser
const textMax = 40_000; // UTF-16 units of a draft; a longer one is not kept
const ageMax = 30 * 86_400_000; // ms
const prefix = 'caravan.draft.';
const tabKey = 'caravan.tab';

/**
 * The name of this tab, the same after a reload. A tab that is a copy of another has the session of that one: so the name is
 * put there only while the tab goes away.
 */
export function nameTab(session, page) {
  const name = session.getItem(tabKey) ?? Math.random().toString(36).slice(2, 12);
  session.removeItem(tabKey);
  page.addEventListener('pagehide', () => session.setItem(tabKey, name));
  page.addEventListener('pageshow', () => session.removeItem(tabKey));
  return name;
}

/**
 * Draft is what a user writes in a room. Each tab has its own; one that has none begins with the latest of the others, and
 * leaves that where it is. What is sent is gone wherever it still stands as it was.
 *
 * A draft is {text, replyTo, mentions}: the message that is answered, {id}, and whom the writer has chosen. The store may be full
 * or forbidden: then nothing is kept.
 */
export class Draft {
  #store;
  #key;
  #room;
  #source; // {key, at} of the draft of another tab with which this one began
  #now;
  #at = 0; // of what is stored

  constructor({ store, user, room, tab, now = Date.now }) {
    this.#store = store;
    this.#room = `${prefix}${user}.${room}.`;
    this.#key = this.#room + tab;
    this.#now = now;
  }

  /** What was written; null: nothing. */
  read() {
    return this.#safely(() => {
      this.#tidy();
      const own = this.#get(this.#key);
      if (own && !own.sent) {
        this.#at = own.at;
        this.#source = own.source;
        return own;
      }
      const [key, latest] = this.#all(this.#room).filter(([, d]) => !d.sent).sort(([, a], [, b]) => b.at - a.at)[0] ?? [];
      if (!latest) return null;
      this.#source = { key, at: latest.at };
      return latest;
    });
  }

  /** Keeps what is written. An empty one is kept no longer, nor that with which it began. */
  write({ text, replyTo = null, mentions = [] }) {
    this.#safely(() => {
      if (!text && !replyTo) return this.#end((key) => this.#store.removeItem(key));
      if (text.length > textMax) return;
      this.#at = this.#now();
      this.#put(this.#key, { text, replyTo, mentions, at: this.#at, source: this.#source });
      this.#tidy();
    });
  }

  /** It is sent. */
  sent() {
    const mark = (key, of) => this.#put(key, { sent: true, of, at: this.#now() });
    this.#safely(() => this.#at && mark(this.#key, this.#at)); // the tabs that began with it hear of it
    this.#safely(() => this.#end(mark));
  }

  /**
   * What a change of the store by another tab means for this one: 'sent', the text was sent there; 'lost', it is to be
   * kept anew; or nothing.
   */
  heard({ key, newValue }) {
    const own = this.#at > 0; // else it is still what the source was
    if (key !== (own ? this.#key : this.#source?.key)) return undefined;
    if (own && newValue === null) return 'lost';
    const { sent, of } = parsed(newValue) ?? {};
    if (!sent || of !== (own ? this.#at : this.#source.at)) return undefined;
    if (own) this.#safely(() => this.#store.removeItem(this.#key));
    this.#at = 0;
    this.#source = undefined;
    return 'sent';
  }

  #end(leave) {
    this.#store.removeItem(this.#key);
    this.#at = 0;
    const { key, at } = this.#source ?? {};
    this.#source = undefined;
    if (key && this.#get(key)?.at === at) leave(key, at);
  }

  /** Old drafts go, and those that were sent, and the oldest of too many. */
  #tidy() {
    const all = this.#all(prefix).sort(([, a], [, b]) => b.at - a.at);
    const soon = 60_000; // ms after which the tab that a sent draft was of has heard of it
    for (const [i, [key, draft]] of all.entries()) {
      const age = this.#now() - draft.at;
      if (key !== this.#key && (i >= draftsMax || age > ageMax || (draft.sent && age > soon))) this.#store.removeItem(key);
    }
  }

  #all(start) {
    const keys = Array.from({ length: this.#store.length }, (_, i) => this.#store.key(i)).filter((k) => k?.startsWith(start));
    return keys.map((key) => [key, this.#get(key)]).filter(([, draft]) => draft);
  }

  #get(key) {
    return parsed(this.#store.getItem(key));
  }

  #put(key, draft) {
    this.#store.setItem(key, JSON.stringify(draft));
  }

  #safely(work) {
    try {
      return work() ?? null;
    } catch {
      return null;
    }
  }
}

/** A draft of the store; null where something else stands there. */
function parsed(text) {
  try {
    const draft = JSON.parse(text);
    const whole = draft?.sent || (typeof draft?.text === 'string' && Array.isArray(draft.mentions));
    return whole && Number.isFinite(draft.at) ? draft : null;
  } catch {
    return null;
  }
}
