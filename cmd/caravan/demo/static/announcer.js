// Says to a screen reader what comes.

const gather = 700; // ms in which what comes is said together
const namedMax = 2; // messages that are read out together; more are counted
const textMax = 200; // characters that are read out of one

/** Announcer speaks through an element with role="status" or aria-live, whose text it changes. */
export class Announcer {
  #element;
  #messages = [];
  #timer;
  #said = []; // the messages that stand in the element

  constructor(element) {
    this.#element = element;
  }

  /** Says a sentence at once. The same one is said again. */
  say(text) {
    this.#said = [];
    this.#element.replaceChildren(Object.assign(document.createElement('p'), { textContent: text }));
  }

  /** A message of somebody else has come: {id, name, text}. */
  message(message) {
    this.#messages.push(message);
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      if (!this.#messages.length) return;
      this.say(sayMessages(this.#messages));
      this.#said = this.#messages;
      this.#messages = [];
    }, gather);
  }

  /** A message is gone: nothing of it stays in the page. */
  forget(id) {
    this.#messages = this.#messages.filter((m) => m.id !== id);
    if (this.#said.some((m) => m.id === id)) this.#element.replaceChildren();
  }
}

/** Few messages as they are, of many how many they are and by whom. */
export function sayMessages(messages) {
  if (messages.length <= namedMax) return messages.map(({ name, text }) => `${name}: ${shortOf(text)}`).join('. ');
  const names = [...new Set(messages.map((m) => m.name))];
  const by = names.length > 3 ? `${names.length} people` : names.join(', ');
  return `${messages.length} new messages from ${by}`;
}

function shortOf(text) {
  const all = Array.from(text);
  return all.length > textMax ? `${all.slice(0, textMax).join('')}…` : text;
}
