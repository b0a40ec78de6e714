// The files that go with the next message: chosen by a button, pasted or dropped, and uploaded at once.

const filesMax = 10; // of a message
const thumbPixels = 96;

/** FileTray is an EventTarget: 'change' when files come, go or are uploaded, and 'problem' {text}. */
export class FileTray extends EventTarget {
  #upload;
  #list;
  #items = new Map(); // element → Upload

  /**
   * @param element the pane, onto which files may be dropped
   * @param upload (file) => an Upload of the library
   */
  constructor(element, upload) {
    super();
    this.#upload = upload;
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
    return [...this.#items.values()].some((upload) => upload.state !== 'done');
  }

  /** Empties the tray; returns what was uploaded. */
  take() {
    const attachments = [...this.#items.values()].map((upload) => upload.attachment);
    this.#items.clear();
    this.#list.replaceChildren();
    this.#changed();
    return attachments;
  }

  add(files) {
    for (const file of files) {
      if (this.#items.size >= filesMax) return this.#say(`A message takes ${filesMax} files at most.`);
      this.#begin(file);
    }
  }

  #begin(file) {
    const element = this.#show(file);
    const upload = this.#upload(file);
    this.#items.set(element, upload);
    element.querySelector('button').addEventListener('click', () => this.#drop(element));
    this.#changed();
    drawThumb(file).then((canvas) => canvas && element.prepend(canvas), () => {}); // a format that the browser does not know
    const bar = element.querySelector('progress');
    upload.on('progress', (part) => (bar.value = part));
    upload.on('state', (state) => {
      if (state === 'failed') {
        this.#drop(element);
        this.#say(`${file.name || 'The file'}: ${upload.error.message}`);
      }
      element.classList.toggle('ready', state === 'done');
      this.#changed();
    });
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
    this.#items.get(element)?.cancel();
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

/** A small picture of a photo; null of other files. */
async function drawThumb(file) {
  if (!file.type.startsWith('image/') || file.type === 'image/svg+xml') return null;
  const image = await createImageBitmap(file);
  const scale = Math.min(1, thumbPixels / Math.max(image.width, image.height));
  const canvas = document.createElement('canvas');
  canvas.width = Math.max(1, Math.round(image.width * scale));
  canvas.height = Math.max(1, Math.round(image.height * scale));
  canvas.getContext('2d').drawImage(image, 0, 0, canvas.width, canvas.height);
  image.close();
  return canvas;
}
