// The files that go with the next message: chosen by a button, pasted or dropped, and uploaded at once.

import { draw } from './caravan-files.js';

const filesMax = 10; // of a message
const thumbPixels = 96;

/** FileTray is an EventTarget: 'change' when files come, go or are uploaded, and 'problem' {text}. */
export class FileTray extends EventTarget {
  #files;
  #list;
  #items = new Map(); // element → {attachment?, abort}

  /** @param element the pane, onto which files may be dropped; files a Files. */
  constructor(element, files) {
    super();
    this.#files = files;
    this.#list = element.querySelector('.tray');
    const chooser = element.querySelector('.chooser');
    element.querySelector('.attach').addEventListener('click', () => chooser.click());
    chooser.addEventListener('change', () => {
      this.add(chooser.files);
      chooser.value = '';
    });
    element.querySelector('.composer textarea').addEventListener('paste', (e) => {
      if (!e.clipboardData.files.length) return;
      e.preventDefault();
      this.add(e.clipboardData.files);
    });
    const dragged = (e) => e.dataTransfer?.types.includes('Files');
    element.addEventListener('dragover', (e) => {
      if (!dragged(e)) return;
      e.preventDefault();
      element.classList.add('dropping');
    });
    for (const name of ['dragleave', 'drop']) element.addEventListener(name, () => element.classList.remove('dropping'));
    element.addEventListener('drop', (e) => {
      if (!dragged(e)) return;
      e.preventDefault();
      this.add(e.dataTransfer.files);
    });
  }

  get empty() {
    return !this.#items.size;
  }

  /** Whether something is not uploaded yet. */
  get busy() {
    return [...this.#items.values()].some((i) => !i.attachment);
  }

  /** Empties the tray; returns what was uploaded. */
  take() {
    const attachments = [...this.#items.values()].map((i) => i.attachment);
    this.#items.clear();
    this.#list.replaceChildren();
    this.#changed();
    return attachments;
  }

  add(files) {
    for (const file of files) {
      if (this.#items.size >= filesMax) return this.#say(`A message takes ${filesMax} files at most.`);
      this.#upload(file);
    }
  }

  async #upload(file) {
    const abort = new AbortController();
    const item = { abort };
    const element = this.#show(file);
    element.querySelector('button').addEventListener('click', () => this.#drop(element));
    this.#items.set(element, item);
    this.#changed();
    draw(file, thumbPixels).then((canvas) => canvas && element.prepend(canvas), () => {}); // a format that the browser does not know
    const bar = element.querySelector('progress');
    try {
      const attachment = await this.#files.upload(file, { signal: abort.signal, onProgress: (part) => (bar.value = part) });
      item.attachment = attachment;
      element.classList.add('ready');
      this.#changed();
    } catch (error) {
      if (error.name === 'AbortError') return;
      this.#drop(element);
      this.#say(`${file.name || 'The file'}: ${error.message}`);
    }
  }

  #show(file) {
    const element = document.createElement('li');
    const name = Object.assign(document.createElement('bdi'), { textContent: file.name || 'file' });
    const bar = Object.assign(document.createElement('progress'), { max: 1, value: 0 });
    bar.setAttribute('aria-label', `Upload of ${file.name}`);
    const remove = Object.assign(document.createElement('button'), { type: 'button', textContent: '×' });
    remove.setAttribute('aria-label', `Remove ${file.name}`);
    element.append(name, bar, remove);
    this.#list.append(element);
    return element;
  }

  #drop(element) {
    this.#items.get(element)?.abort.abort();
    this.#items.delete(element);
    element.remove();
    this.#changed();
  }

  #changed() {
    this.#list.hidden = this.empty;
    this.dispatchEvent(new Event('change'));
  }

  #say(text) {
    this.dispatchEvent(new CustomEvent('problem', { detail: { text } }));
  }
}
