// Where a user writes: the text, whom it mentions, the message that it answers, its files, and that they type.

import { Announcer } from './announcer.js';
import { composes } from './composing.js';
import { MentionPicker, putText } from './mention-picker.js';
import { lengthOf, limitDefault, sayLength } from './text-length.js';

const idleAfter = 4_000; // ms without a key, after which one is not typing
const keepAfter = 250; // ms after a key, at which the draft is kept
const told = [500, 100, 20, 0]; // characters left, of which a screen reader is told

/**
 * Composer is an EventTarget: 'typing' {isTyping} and 'editlast' (the up arrow in an empty text).
 */
export class Composer extends EventTarget {
  #form;
  #area;
  #replying;
  #later; // says that it waits
  #button;
  #send;
  #length;
  #replyTo = null; // the message that is answered: {id, name, content}
  #idle;
  #keeping; // timer
  #tray;
  #mentions;
  #draft;
  #announcer;
  #limit = limitDefault;
  #left = Infinity; // characters, as they were told
  #stopped = false;

  /**
   * @param tray a FileTray
   * @param emoji an EmojiPicker
   * @param me the user's id
   * @param send ({content, replyTo, attachments, mentions, mentionsAll}) => whether it is taken; else it stays where it is
   * @param mayMentionAll () => whether the user may mention everybody
   */
  constructor(form, { label, keysId, tray, emoji, me, send, mayMentionAll }) {
    super();
    const part = (selector) => form.querySelector(selector);
    this.#form = form;
    this.#tray = tray;
    this.#area = part('textarea');
    this.#replying = part('.replying');
    this.#length = part('.length');
    this.#later = part('.later');
    this.#button = part('.send');
    this.#send = send;
    this.#announcer = new Announcer(part('.said'));
    const say = (text) => this.#announcer.say(text);
    part('.mentions').id = `${keysId}-mentions`;
    this.#mentions = new MentionPicker(this.#area, part('.mentions'), { me, mayAll: mayMentionAll, say });
    part('label .unseen').textContent = label;
    part('.keys').id = keysId;
    this.#length.id = `${keysId}-length`;
    this.#area.setAttribute('aria-describedby', `${keysId} ${keysId}-length`);
    part('.smile').addEventListener('click', (e) => emoji.open(e.currentTarget, (character) => putText(this.#area, character)));
    this.#listen(say);
  }

  #listen(say) {
    this.#form.addEventListener('submit', (e) => this.#submit(e));
    this.#area.addEventListener('keydown', (e) => this.#key(e));
    this.#area.addEventListener('input', () => this.#typed());
    this.#replying.querySelector('button').addEventListener('click', () => this.answer(null));
    this.#tray.addEventListener('chosen', () => (this.#waits = false));
    this.#tray.addEventListener('change', () => this.#filesChanged());
    this.#tray.addEventListener('said', (e) => say(e.detail.text));
    addEventListener('storage', (e) => this.#heard(e));
    addEventListener('pagehide', () => this.#keep());
    document.addEventListener('visibilitychange', () => document.visibilityState === 'hidden' && this.#keep());
  }

  /**
   * Goes to a room: what was written in the other one stays there.
   * @param draft a Draft, which is read at once
   * @param members a Members
   */
  enter(room, { draft, members }) {
    this.#keep();
    this.#stopTyping();
    this.#waits = false;
    this.#draft = draft;
    this.#mentions.members = members;
    this.#tray.enter(room);
    this.#clear();
    this.#restore(draft.read());
  }

  focus() {
    this.#area.focus();
  }

  /** Nothing can be sent now, and nothing would be kept to be sent later: what is written stays here. */
  set stopped(stopped) {
    this.#stopped = stopped;
    if (stopped) this.#waits = false;
    this.#button.setAttribute('aria-disabled', stopped);
  }

  /** The most characters of a message. The server tells it when it refuses one; undefined: it did not. */
  get limit() {
    return this.#limit;
  }

  set limit(characters) {
    if (!characters) return;
    this.#limit = characters;
    this.#showLength();
  }

  /** Chooses the message to answer, {id, name, content}; null: none. */
  answer(original) {
    this.#waits = false;
    this.#showReply(original);
    this.#keepSoon();
    this.focus();
  }

  /** Shows what the message that is answered is now. `look` (id) => the message, {id, name, content}; undefined: not known. */
  quote(look) {
    const now = this.#replyTo && look(this.#replyTo.id);
    if (now) this.#showReply(now);
  }

  /** Takes back what was refused, {content, replyTo, mentions, attachments}. What is written meanwhile stands behind it. */
  take({ content, replyTo = null, mentions = [], attachments = [] }) {
    const { value } = this.#area;
    this.#waits = false;
    this.#mentions.chosen = [...mentions, ...this.#mentions.chosen];
    this.#area.value = value ? `${content}\n${value}` : content;
    if (replyTo) this.#showReply(replyTo);
    this.#tray.put(attachments);
    this.#showLength();
    this.#keepSoon();
    this.focus();
    this.#area.setSelectionRange(content.length, content.length);
  }

  // --- Sending ----------------------------------------------------------------

  #submit(e) {
    e.preventDefault();
    this.focus();
    this.#sendAll();
  }

  #sendAll() {
    const content = this.#area.value;
    this.#waits = false;
    if (!lengthOf(content) && this.#tray.empty) return;
    const { text, over } = sayLength(lengthOf(content), this.#limit);
    if (over) return this.#announcer.say(`The message is too long to be sent: ${text}.`);
    if (this.#stopped) return this.#announcer.say('You are not connected. The message stays here until you are.');
    if (this.#tray.busy) return this.#wait();
    const message = { content, replyTo: this.#replyTo?.id, attachments: this.#tray.attachments, ...this.#mentions.mentionsOf(content) };
    if (!this.#send(message)) return;
    clearTimeout(this.#idle);
    this.#idle = undefined;
    this.#tray.clear();
    this.#clear();
    this.#draft.sent();
  }

  /** It is sent when its files are there. One that failed is to be tried again, or left out. */
  #wait() {
    this.#waits = !this.#tray.failed;
    this.#announcer.say(this.#waits ? 'The message is sent when its files are uploaded.' : 'A file could not be uploaded: try it again, or remove it.');
  }

  #filesChanged() {
    if (this.#tray.failed) this.#waits = false;
    if (this.#waits && !this.#tray.busy) this.#sendAll(); // the focus stays where the user is
  }

  /** Whether it is sent once the files are uploaded. Who changes something is still writing. */
  get #waits() {
    return !this.#later.hidden;
  }

  set #waits(waits) {
    this.#later.hidden = !waits;
  }

  #clear() {
    clearTimeout(this.#keeping);
    this.#keeping = undefined;
    this.#area.value = '';
    this.#mentions.chosen = [];
    this.#showReply(null);
    this.#showLength();
  }

  // --- Writing ----------------------------------------------------------------

  #key(e) {
    if (composes(e) || this.#mentions.key(e)) return;
    if (e.key === 'Enter' && !e.shiftKey) {
      e.preventDefault();
      this.#form.requestSubmit();
    } else if (e.key === 'ArrowUp' && !this.#area.value) {
      e.preventDefault();
      this.#emit('editlast');
    } else if (e.key === 'Escape' && this.#replyTo) {
      this.answer(null);
    }
  }

  #typed() {
    this.#waits = false;
    clearTimeout(this.#idle);
    const isTyping = this.#area.value.trim() !== '';
    this.#emit('typing', { isTyping });
    this.#idle = isTyping ? setTimeout(() => this.#stopTyping(), idleAfter) : undefined;
    this.#showLength();
    this.#keepSoon();
  }

  #stopTyping() {
    if (this.#idle === undefined) return;
    clearTimeout(this.#idle);
    this.#idle = undefined;
    this.#emit('typing', { isTyping: false });
  }

  #showLength() {
    const length = lengthOf(this.#area.value);
    const { text, over } = sayLength(length, this.#limit);
    this.#length.textContent = text;
    this.#length.classList.toggle('over', over);
    this.#form.classList.toggle('too-long', over);
    if (over) this.#area.setAttribute('aria-invalid', 'true');
    else this.#area.removeAttribute('aria-invalid');
    const left = this.#limit - length;
    const passed = (at) => left <= at && this.#left > at;
    if (text && (told.some(passed) || (over && this.#left >= 0))) this.#announcer.say(text);
    this.#left = left;
  }

  #showReply(original) {
    this.#replyTo = original;
    this.#replying.hidden = !original;
    this.#replying.querySelector('.replying-to').textContent = original ? `Reply to ${original.name || 'a message'}` : '';
    this.#replying.querySelector('.replying-text').textContent = original?.content ?? '';
  }

  // --- The draft --------------------------------------------------------------

  #restore(draft) {
    if (!draft) return;
    this.#area.value = draft.text;
    this.#mentions.chosen = draft.mentions;
    this.#showReply(draft.replyTo && { id: draft.replyTo.id, name: '', content: '' }); // until the room tells it: see quote
    this.#showLength();
  }

  #keepSoon() {
    clearTimeout(this.#keeping);
    this.#keeping = setTimeout(() => this.#keep(), keepAfter);
  }

  /** Keeps what was written since. */
  #keep() {
    if (this.#keeping === undefined) return;
    clearTimeout(this.#keeping);
    this.#keeping = undefined;
    this.#draft.write({ text: this.#area.value, replyTo: this.#replyTo && { id: this.#replyTo.id }, mentions: this.#mentions.chosen });
  }

  /** Another tab has sent this text, or has thrown it away: here it stays then. */
  #heard(change) {
    const heard = this.#draft.heard(change);
    if (heard === 'lost') this.#keepSoon();
    if (heard === 'sent' && this.#keeping === undefined) this.#clear();
  }

  #emit(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}
