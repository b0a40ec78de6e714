// Input methods, by which one writes what has no key of its own: Chinese, Japanese, Korean.

const inputMethod = 229; // the key code of a key that an input method has taken

/**
 * Whether a key belongs to an input method. Safari ends the composition before it tells of the Enter that did so:
 * then the key code alone says it.
 */
export const composes = (e) => e.isComposing || e.keyCode === inputMethod;
