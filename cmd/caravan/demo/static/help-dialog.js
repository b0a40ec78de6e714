// Which keys do what; and the keys that work on the whole page.

const keys = [
  ['Writing', [
    ['Enter', 'sends the message'],
    ['Shift + Enter', 'begins a new line'],
    ['@', 'mentions somebody: arrow keys choose, Enter or Tab takes the name, Escape closes the list'],
    ['↑', 'edits your last message, where nothing is written'],
    ['Escape', 'takes a reply or an edit back'],
  ]],
  ['Messages', [
    ['↑ ↓', 'go from message to message'],
    ['Home, End', 'go to the first and the last one that is loaded'],
    ['Enter', 'replies to the message'],
    ['Tab', 'leads to what can be done with it'],
  ]],
  ['The page', [
    ['/', 'searches in the room'],
    ['Enter, Shift + Enter', 'in the search: the older and the newer match'],
    ['?', 'shows these keys'],
  ]],
];
const offKey = 'caravan.keys.off';

/** Keys of one character work where nobody writes, and may be turned off: who speaks to the machine presses them by chance. */
export class HelpDialog {
  #dialog;

  show() {
    this.#dialog ??= this.#make();
    if (!this.#dialog.open) this.#dialog.showModal();
  }

  /** Listens on the page: `search` is called for its key. */
  listen({ search }) {
    document.addEventListener('keydown', (e) => {
      if (e.defaultPrevented || e.ctrlKey || e.metaKey || e.altKey || e.isComposing || isOff() || isWriting(e.target) || document.querySelector('dialog[open]')) return;
      const act = { '/': search, '?': () => this.show() }[e.key];
      if (!act) return;
      e.preventDefault();
      act();
    });
  }

  #make() {
    const dialog = made('dialog', { className: 'help-dialog' });
    dialog.setAttribute('aria-labelledby', 'help-title');
    const close = made('button', { className: 'help-close', textContent: 'Close' });
    const form = made('form', { method: 'dialog' }, made('h2', { id: 'help-title', textContent: 'Keys' }), close);
    const off = made('input', { type: 'checkbox', checked: !isOff() });
    off.addEventListener('change', () => turnOff(!off.checked));
    dialog.append(form, ...keys.map(section), made('label', { className: 'help-off' }, off, made('span', { textContent: ' / and ? work where nothing is written' })));
    dialog.addEventListener('click', (e) => e.target === dialog && dialog.close()); // beside it
    document.body.append(dialog);
    return dialog;
  }
}

function section([title, rows]) {
  const list = made('dl', {}, ...rows.map(([key, does]) => made('div', {}, made('dt', {}, ...kbds(key)), made('dd', { textContent: does }))));
  return made('section', {}, made('h3', { textContent: title }), list);
}

/** Each key in a frame of its own. */
function kbds(text) {
  return text.split(/( \+ |, | )/).map((part, i) => (i % 2 ? part : made('kbd', { textContent: part })));
}

function isWriting(target) {
  return target.isContentEditable || target.matches?.('input:not([type=checkbox]), textarea, select');
}

function isOff() {
  try {
    return localStorage.getItem(offKey) === '1';
  } catch {
    return false;
  }
}

function turnOff(off) {
  try {
    localStorage.setItem(offKey, off ? '1' : '0');
  } catch {
    // forbidden: it holds for nothing
  }
}

function made(tag, properties, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}
