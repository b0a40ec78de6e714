// Says to a screen reader what comes.

const gather = 700; // ms in which what comes is said together
const namedMax = 2; // messages that are read out together; more are counted
const textMax = 200; // characters that are read out of one

/** Announcer speaks through an element with role="status" or aria-live, whose text it changes. */
export class Announcer {
  #element;
  #messages = [];
  #timer;

  constructor(element) {
    this.#element = element;
  }

  /** Says a sentence at once. The same one is said again. */
  say(text) {
    this.#element.replaceChildren(Object.assign(document.createElement('p'), { textContent: text }));
  }

  /** A message of somebody else has come: {name, text}. */
  message(message) {
    this.#messages.push(message);
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.say(sayMessages(this.#messages));
      this.#messages = [];
    }, gather);
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
