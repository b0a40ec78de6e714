// A list over the page: what is pinned, the answers to a message, who has reacted.

/** ListDialog dispatches 'choose' {id} when a row that stands for a message is chosen. */
export class ListDialog extends EventTarget {
  #dialog;
  #shown = 0; // what is loaded for another list, or after the end, is not shown

  constructor(dialog) {
    super();
    this.#dialog = dialog;
    dialog.addEventListener('click', (e) => e.target === dialog && dialog.close()); // beside it
  }

  /**
   * Opens with a title. `load` resolves to rows {name, text, note, id?}; `none` is said where there
   * is none.
   */
  async open(title, none, load) {
    const shown = ++this.#shown;
    this.#part('h3').textContent = title;
    this.#part('ul').replaceChildren();
    this.#say('Loading…');
    if (!this.#dialog.open) this.#dialog.showModal();
    try {
      const rows = await load();
      if (shown !== this.#shown) return;
      this.#say(rows.length ? '' : none);
      this.#part('ul').replaceChildren(...rows.map((row) => this.#row(row)));
    } catch {
      if (shown === this.#shown) this.#say('This cannot be loaded now. Please try again.');
    }
  }

  close() {
    this.#shown++;
    this.#dialog.close();
  }

  #part(selector) {
    return this.#dialog.querySelector(selector);
  }

  #say(text) {
    this.#part('.none').textContent = text;
    this.#part('.none').hidden = !text;
  }

  #row({ name, text, note, id }) {
    const item = document.createElement('li');
    const inner = document.createElement(id ? 'button' : 'div');
    if (id) {
      inner.type = 'button';
      inner.addEventListener('click', () => {
        this.#dialog.close();
        this.dispatchEvent(new CustomEvent('choose', { detail: { id } }));
      });
    }
    const parts = { name, text, note };
    for (const [part, of] of Object.entries(parts)) {
      inner.append(Object.assign(document.createElement('span'), { className: `row-${part}`, textContent: of, dir: 'auto' }));
    }
    item.append(inner);
    return item;
  }
}
