// The files that go with the next message: chosen by a button, pasted or dropped, and uploaded at once.

const filesMax = 10; // of a message
const thumbPixels = 96;
const units = ['bytes', 'KB', 'MB', 'GB'];

/**
 * FileTray is an EventTarget: 'chosen' before the user adds or removes a file, 'change' when files come, go or are uploaded,
 * 'problem' {text} for what is to be seen, and 'said' {text} for screen readers. A file that failed stays, with why, until it is tried again or removed.
 */
export class FileTray extends EventTarget {
  #upload;
  #pane;
  #list;
  #items = new Map(); // element → Upload of the library, or {state: 'done', attachment} of one that was uploaded before
  #rooms = new Map(); // room → its items: a file belongs to the room to which it was uploaded
  #dragging = 0; // elements that the files are over

  /**
   * @param element the pane, onto which files may be dropped
   * @param upload (file) => an Upload of the library
   */
  constructor(element, upload) {
    super();
    this.#upload = upload;
    this.#pane = element;
    this.#list = element.querySelector('.tray');
    const chooser = element.querySelector('.chooser');
    element.querySelector('.attach').addEventListener('click', () => chooser.click());
    chooser.addEventListener('change', () => {
      this.add(chooser.files);
      chooser.value = '';
    });
    element.querySelector('.composer textarea').addEventListener('paste', (e) => {
      if (!e.clipboardData.files.length || !this.#allowed || isText(e.clipboardData)) return;
      e.preventDefault();
      this.add(e.clipboardData.files);
    });
    this.#listenToDrags();
  }

  /** Whether the user may attach files: then the button is there. */
  get #allowed() {
    return !this.#pane.querySelector('.attach').hidden;
  }

  /** Goes to a room. What is on its way to another goes on. */
  enter(room) {
    if (!this.#rooms.has(room)) this.#rooms.set(room, new Map());
    this.#items = this.#rooms.get(room);
    this.#list.replaceChildren(...this.#items.keys());
    this.#changed();
  }

  get empty() {
    return !this.#items.size;
  }

  /** Whether something is not uploaded. */
  get busy() {
    return this.#some((state) => state !== 'done');
  }

  /** Whether something could not be uploaded. */
  get failed() {
    return this.#some((state) => state === 'failed');
  }

  #some(fits) {
    return [...this.#items.values()].some(({ state }) => fits(state));
  }

  /** What was uploaded. */
  get attachments() {
    return [...this.#items.values()].map(({ attachment }) => attachment);
  }

  clear() {
    this.#items.clear();
    this.#list.replaceChildren();
    this.#changed();
  }

  /** Puts back what is uploaded already. */
  put(attachments) {
    for (const attachment of attachments) {
      const { element } = this.#show(attachment.name, attachment.size);
      element.classList.add('ready');
      this.#items.set(element, { state: 'done', attachment });
    }
    this.#changed();
  }

  add(files) {
    this.dispatchEvent(new Event('chosen'));
    for (const file of files) {
      if (this.#items.size >= filesMax) return this.#tell('problem', `A message takes ${filesMax} files at most.`);
      this.#begin(file);
    }
  }

  #begin(file) {
    const upload = this.#upload(file);
    const { element, bar, note, retry } = this.#show(upload.name, file.size);
    const items = this.#items;
    items.set(element, upload);
    drawThumb(file).then((canvas) => canvas && element.querySelector('.thumb').replaceWith(canvas), () => {}); // a format that the browser does not know
    upload.on('progress', (part) => (bar.value = part));
    upload.on('state', (state) => {
      if (!items.has(element)) return; // it was removed
      element.classList.toggle('ready', state === 'done');
      element.classList.toggle('broken', state === 'failed');
      retry.hidden = state !== 'failed';
      note.textContent = state === 'failed' ? upload.error.message : sizeOf(file.size);
      if (items !== this.#items) return; // of another room, where it is seen
      if (state === 'failed') this.#tell('problem', `${upload.name}: ${upload.error.message}`);
      if (state === 'done') this.#tell('said', `${upload.name} is uploaded`);
      this.#changed();
    });
    retry.addEventListener('click', () => {
      bar.value = 0;
      upload.retry().catch(() => {}); // its state says so
      element.querySelector('.remove').focus();
    });
    this.#changed();
  }

  #show(name, size) {
    const element = document.createElement('li');
    const bar = made('progress', { max: 1, value: 0 });
    bar.setAttribute('aria-label', `Upload of ${name}`);
    const note = made('span', { className: 'file-note', textContent: size ? sizeOf(size) : '' });
    const retry = made('button', { type: 'button', className: 'again', textContent: '↻', title: 'Try again', hidden: true });
    retry.setAttribute('aria-label', `Try again to upload ${name}`);
    const remove = made('button', { type: 'button', className: 'remove', textContent: '×', title: 'Remove' });
    remove.setAttribute('aria-label', `Remove ${name}`);
    remove.addEventListener('click', () => this.#drop(element));
    const thumb = made('span', { className: 'thumb', textContent: extensionOf(name) });
    thumb.setAttribute('aria-hidden', 'true');
    element.append(thumb, made('bdi', { textContent: name, title: name }), note, bar, retry, remove);
    this.#list.append(element);
    return { element, bar, note, retry };
  }

  /** Removes a file, and gives the focus to the next one, or to the text. */
  #drop(element) {
    this.dispatchEvent(new Event('chosen'));
    const next = element.nextElementSibling ?? element.previousElementSibling;
    this.#items.get(element)?.cancel?.();
    this.#items.delete(element);
    element.remove();
    (next?.querySelector('.remove') ?? this.#pane.querySelector('.composer textarea')).focus();
    this.#changed();
  }

  #listenToDrags() {
    const on = (name, act) =>
      this.#pane.addEventListener(name, (e) => {
        if (!e.dataTransfer?.types.includes('Files') || !this.#allowed) return;
        e.preventDefault();
        act(e);
        this.#pane.classList.toggle('dropping', this.#dragging > 0);
      });
    on('dragenter', () => this.#dragging++);
    on('dragover', () => (this.#dragging ||= 1));
    on('dragleave', () => this.#dragging--);
    on('drop', (e) => {
      this.#dragging = 0;
      this.add(e.dataTransfer.files);
    });
  }

  #changed() {
    this.#list.hidden = this.empty;
    this.dispatchEvent(new Event('change'));
  }

  #tell(name, text) {
    this.dispatchEvent(new CustomEvent(name, { detail: { text } }));
  }
}

/** Whether a text was copied, of which a program has put a picture beside it. Who copies files has their names as a text. */
function isText(data) {
  const text = data.getData('text/plain');
  return text !== '' && ![...data.files].every(({ name }) => text.includes(name));
}

const made = (tag, properties) => Object.assign(document.createElement(tag), properties);

const extensionOf = (name) => /\.([\p{L}\p{N}]{1,4})$/u.exec(name)?.[1] ?? '';

function sizeOf(bytes) {
  const power = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
  return `${Number((bytes / 1000 ** power).toPrecision(2))} ${units[power]}`;
}

/** A small picture of a photo; null of other files. */
async function drawThumb(file) {
  if (!file.type.startsWith('image/') || file.type === 'image/svg+xml') return null;
  const image = await createImageBitmap(file);
  const scale = Math.min(1, thumbPixels / Math.max(image.width, image.height));
  const canvas = made('canvas', { width: Math.max(1, Math.round(image.width * scale)), height: Math.max(1, Math.round(image.height * scale)) });
  canvas.getContext('2d').drawImage(image, 0, 0, canvas.width, canvas.height);
  canvas.setAttribute('aria-hidden', 'true');
  image.close();
  return canvas;
}
