// What can be done with a message beside answering and editing it: one menu for a pane.

import { emojiKey } from './message-view.js';

const emoji = {
  '👍': 'Thumbs up', '❤️': 'Heart', '😂': 'Laughing', '😮': 'Surprised', '😢': 'Sad', '🙏': 'Thank you',
  '🎉': 'Celebrate', '🔥': 'Fire', '👏': 'Applause', '✅': 'Done', '👀': 'Looking', '🚀': 'Let us go',
};
const gap = 4; // px between the menu and its button

/** MessageMenu dispatches 'react' {room, id, emoji, on}, 'pin' {room, id, on} and 'delete' {room, id}. */
export class MessageMenu extends EventTarget {
  #may;
  #chosen;
  #user;
  #element;
  #emoji;
  #message;
  #room; // the message's
  #opener; // the button that the menu is beside
  #asked = false; // delete was pressed once

  /**
   * @param may (permission) => whether the user may do that
   * @param chosen (message id) => the keys of the emoji that they have chosen
   * @param emoji an EmojiPicker, for all others
   */
  constructor(element, { may, chosen, user, emoji: picker }) {
    super();
    this.#may = may;
    this.#chosen = chosen;
    this.#user = user;
    this.#element = element;
    this.#emoji = picker;
    for (const [text, name] of Object.entries(emoji)) this.#offer(text, name);
    this.#offerMore();
    this.#button('.pin').addEventListener('click', () => this.#choose('pin', { on: !this.#message.pinned_at }));
    this.#button('.delete').addEventListener('click', () => this.#delete());
  }

  /** Opens the menu of a room's message beside the button that asks for it; `about` says what else is known of it. */
  open(room, message, button, about) {
    const mine = message.sender.id === this.#user.id;
    const chosen = this.#chosen(message.id);
    this.#message = message;
    this.#room = room;
    this.#opener = button;
    this.#asked = false;
    this.#button('.about').textContent = about;
    this.#button('.picker').hidden = this.#button('.other').hidden = !this.#may('react');
    for (const b of this.#button('.picker').children) b.setAttribute('aria-pressed', chosen.has(emojiKey(b.textContent)));
    this.#button('.pin').hidden = !this.#may('pin');
    this.#button('.pin span').textContent = message.pinned_at ? 'Take the pin away' : 'Pin';
    this.#button('.delete').hidden = !this.#may('moderate') && !(mine && this.#may('delete'));
    this.#button('.delete span').textContent = 'Delete';
    this.#element.showPopover();
    this.#place(button.getBoundingClientRect());
    this.#element.querySelector('button:not([hidden])')?.focus();
  }

  close() {
    if (this.#element.matches(':popover-open')) this.#element.hidePopover();
    this.#emoji.close();
  }

  /** Whether there is anything to choose from for a message. */
  offers(message) {
    return ['react', 'pin', 'moderate'].some((p) => this.#may(p)) || (message.sender.id === this.#user.id && this.#may('delete'));
  }

  #button(selector) {
    return this.#element.querySelector(selector);
  }

  #offer(text, name) {
    const button = Object.assign(document.createElement('button'), { type: 'button', textContent: text });
    button.setAttribute('aria-label', name);
    button.addEventListener('click', () => {
      const on = !this.#chosen(this.#message.id).has(emojiKey(text));
      this.#choose('react', { emoji: text, on });
    });
    this.#button('.picker').append(button);
  }

  /** All other emoji stand in a picker of their own, where the menu was. */
  #offerMore() {
    this.#button('.other').addEventListener('click', () => {
      const { id } = this.#message;
      const room = this.#room;
      const button = this.#opener;
      this.#element.hidePopover();
      this.#emoji.open(button, (text) => {
        button.focus();
        this.dispatchEvent(new CustomEvent('react', { detail: { room, id, emoji: text, on: !this.#chosen(id).has(emojiKey(text)) } }));
      });
    });
  }

  /** Nobody can take a delete back, so it is asked for twice. */
  #delete() {
    if (this.#asked) return this.#choose('delete', {});
    this.#asked = true;
    this.#button('.delete span').textContent = 'Delete for everybody?';
  }

  #choose(name, detail) {
    this.#element.hidePopover();
    this.dispatchEvent(new CustomEvent(name, { detail: { room: this.#room, id: this.#message.id, ...detail } }));
  }

  /** Below the button, or above it where there is more room. A narrow window has it at its bottom. */
  #place(at) {
    const { offsetWidth, offsetHeight, style } = this.#element;
    const below = at.bottom + gap + offsetHeight <= innerHeight;
    const left = document.dir === 'rtl' ? at.right - offsetWidth : at.left;
    style.left = `${Math.max(gap, Math.min(left, innerWidth - offsetWidth - gap))}px`;
    style.top = `${Math.max(gap, below ? at.bottom + gap : at.top - gap - offsetHeight)}px`;
  }
}
