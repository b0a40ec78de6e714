// Where a user writes: the text, the message that it answers, and that they type.

const idleAfter = 4_000; // ms without a key, after which one is not typing

/**
 * Composer is an EventTarget: 'send' {content, replyTo, attachments}, 'typing' {isTyping} and
 * 'editlast' (the up arrow in an empty text).
 */
export class Composer extends EventTarget {
  #form;
  #area;
  #replying;
  #replyTo = null; // the id of the message that is answered
  #idle;
  #tray;
  #waits = false; // to be sent when the files are uploaded

  /** @param tray a FileTray. */
  constructor(form, { label, keysId, tray }) {
    super();
    this.#form = form;
    this.#tray = tray;
    tray.addEventListener('change', () => this.#waits && !tray.busy && form.requestSubmit());
    this.#area = form.querySelector('textarea');
    this.#replying = form.querySelector('.replying');
    form.querySelector('label .unseen').textContent = label;
    form.querySelector('.keys').id = keysId;
    this.#area.setAttribute('aria-describedby', keysId);
    form.addEventListener('submit', (e) => this.#submit(e));
    this.#area.addEventListener('keydown', (e) => this.#key(e));
    this.#area.addEventListener('input', () => this.#typed());
    this.#replying.querySelector('button').addEventListener('click', () => this.answer(null));
  }

  focus() {
    this.#area.focus();
  }

  /** Chooses the message to answer, {id, name, content}; null: none. */
  answer(original) {
    this.#replyTo = original?.id ?? null;
    this.#replying.hidden = !original;
    this.#replying.querySelector('.replying-to').textContent = original ? `Reply to ${original.name}` : '';
    this.#replying.querySelector('.replying-text').textContent = original?.content ?? '';
    this.focus();
  }

  #submit(e) {
    e.preventDefault();
    const content = this.#area.value;
    this.focus();
    this.#waits = false;
    if (!content.trim() && this.#tray.empty) return;
    if (this.#tray.busy) {
      this.#waits = true;
      return;
    }
    clearTimeout(this.#idle);
    const attachments = this.#tray.take();
    this.#area.value = '';
    const replyTo = this.#replyTo ?? undefined;
    this.answer(null);
    this.#emit('send', { content, replyTo, attachments });
  }

  #key(e) {
    if (e.isComposing) return;
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
    clearTimeout(this.#idle);
    const isTyping = this.#area.value.trim() !== '';
    this.#emit('typing', { isTyping });
    if (isTyping) this.#idle = setTimeout(() => this.#emit('typing', { isTyping: false }), idleAfter);
  }

  #emit(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}
